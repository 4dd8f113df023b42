import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openStore } from '../../../lib/registry/stores/index.ts';
import { MemoryStore } from '../../../lib/registry/stores/memory.ts';
import { SqlStore } from '../../../lib/registry/stores/sql.ts';

const makeFolder = (folder: string) => mkdir(folder, { recursive: true });

t.test('memory: forgets, sqlite: keeps a file in a folder that is made for it', async (t) => {
  t.type(await openStore('memory:', makeFolder), MemoryStore);
  const path = join(t.testdir(), 'deep', 'er', 'register.db');
  const store = await openStore(`sqlite:${path}`, makeFolder);
  t.type(store, SqlStore);
  t.ok(statSync(path).isFile());
  await store.close();
});

t.test('postgres: is asked at once whether it is there', async (t) => {
  for (const scheme of ['postgres', 'postgresql'])
    await t.rejects(openStore(`${scheme}://floodmesh@127.0.0.1:1/register`, makeFolder), { code: 'STORE_AWAY' });
});

t.test('any other address is refused before a folder is made', async (t) => {
  for (const url of ['', 'memory', 'sqlite:', 'redis://localhost', 'register.db', 'SQLITE:x', 'xsqlite:y']) {
    await t.rejects(
      openStore(url, async () => t.fail('made a folder')),
      { code: 'USAGE' },
      url,
    );
  }
});
