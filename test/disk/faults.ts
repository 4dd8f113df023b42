import t from 'tap';
import { codeOf, diskError, isGone } from '../../lib/disk/faults.ts';
import { FloodmeshError } from '../../lib/errors.ts';

const system = (code: string) => Object.assign(new Error(code), { code });

t.test('what has no code has an empty one', async (t) => {
  t.equal(codeOf(system('EIO')), 'EIO');
  t.equal(codeOf(new Error('a')), '');
  t.equal(codeOf('a'), '');
});

t.test('a full disk is told from a broken one, with what was to be done', async (t) => {
  t.match(diskError(system('ENOSPC'), '7 bytes are needed'), { code: 'DISK_FULL', message: /7 bytes are needed/ });
  t.match(diskError(system('EIO'), '7 bytes are needed'), { code: 'DISK_FAILED', message: /EIO.*7 bytes/ });
  t.match(diskError('odd', 'x'), { code: 'DISK_FAILED', message: /odd/ });
  const own = new FloodmeshError('ENDED', 'over');
  t.equal(diskError(own, 'x'), own);
});

t.test('what has gone or was swapped is told from what fails', async (t) => {
  t.ok(isGone(system('ELOOP')));
  t.notOk(isGone(system('EMFILE')));
});
