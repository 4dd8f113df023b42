import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { callLocally, isListening, listenLocally } from '../../lib/net/local.ts';

t.test('whoever calls is heard, and nobody listens before or after', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'floodmesh-local-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a.sock');
  t.notOk(await isListening(path));
  const heard = Promise.withResolvers<string>();
  const listener = await listenLocally(path, (caller) => {
    caller.setEncoding('utf8').on('data', (text) => heard.resolve(String(text)));
    caller.on('end', () => caller.end());
  });
  t.ok(await isListening(path));
  const caller = await callLocally(path);
  caller.write('hello');
  t.equal(await heard.promise, 'hello');
  await t.rejects(
    listenLocally(path, () => undefined),
    { code: 'PORT_TAKEN' },
  );
  caller.destroy();
  await listener.close();
  await t.rejects(callLocally(path), { code: 'UNREACHABLE' });
});
