import t from 'tap';
import { EXIT, FloodmeshError, isErrorCode, named } from '../lib/errors.ts';

const systemError = (code: string) => Object.assign(new Error(`${code}: said the system`), { code });

t.test('an error has a code, a message, a hint and an exit code', async (t) => {
  const error = new FloodmeshError('NETWORK_FULL', 'the network is full', 'wait', { cause: 'x' });
  t.match(error, { name: 'FloodmeshError', code: 'NETWORK_FULL', message: 'the network is full', hint: 'wait', exitCode: 7, cause: 'x' });
  t.ok(error instanceof Error);
  t.equal(new FloodmeshError('INTERNAL', 'oh').hint, undefined);
});

t.test('codes end a program as the documentation says', async (t) => {
  const exits = {
    INTERNAL: 1,
    USAGE: 2,
    NOT_FOUND: 3,
    CONTENT_MISMATCH: 4,
    UNREACHABLE: 5,
    TIMED_OUT: 5,
    DISK_FULL: 6,
    NETWORK_FULL: 7,
    WRONG_NETWORK: 7,
    NAME_TAKEN: 7,
    CANCELLED: 130,
  } as const;
  for (const [code, exit] of Object.entries(exits)) t.equal(new FloodmeshError(code as keyof typeof exits, '').exitCode, exit, code);
  t.equal(EXIT.done, 0);
});

t.test('a code from elsewhere is one of ours or not', async (t) => {
  t.ok(isErrorCode('NOT_FOUND'));
  for (const code of ['', 'not_found', 'ENOENT', '__proto__', 'constructor', 'toString']) t.notOk(isErrorCode(code), code);
});

t.test('an error of ours stays as it is', async (t) => {
  const error = new FloodmeshError('NOT_FOUND', 'nobody has it');
  t.equal(named(error), error);
});

t.test('errors of the system are named by what they mean, and keep their cause', async (t) => {
  const names: Readonly<Record<string, string>> = {
    ENOSPC: 'DISK_FULL',
    EDQUOT: 'DISK_FULL',
    ECONNREFUSED: 'UNREACHABLE',
    ECONNRESET: 'UNREACHABLE',
    EHOSTUNREACH: 'UNREACHABLE',
    ENETUNREACH: 'UNREACHABLE',
    ENOTFOUND: 'UNREACHABLE',
    EAI_AGAIN: 'UNREACHABLE',
    ETIMEDOUT: 'UNREACHABLE',
    EADDRINUSE: 'PORT_TAKEN',
    EIO: 'DISK_FAILED',
    EROFS: 'DISK_FAILED',
    EACCES: 'DISK_FAILED',
    EPERM: 'DISK_FAILED',
    EMFILE: 'DISK_FAILED',
    ENFILE: 'DISK_FAILED',
    ESOMETHING: 'INTERNAL',
  };
  for (const [code, name] of Object.entries(names)) {
    const cause = systemError(code);
    const error = named(cause);
    t.equal(error.code, name, code);
    t.equal(error.cause, cause);
  }
  t.match(named(systemError('ENOSPC')).hint, /make room/);
});

t.test('an abort is CANCELLED', async (t) => {
  t.equal(named(new DOMException('gone', 'AbortError')).code, 'CANCELLED');
  t.equal(named(AbortSignal.abort().reason).code, 'CANCELLED');
});

t.test('what is no error at all is INTERNAL, and says what it was', async (t) => {
  for (const thrown of ['oh', 7, null, undefined]) t.match(named(thrown), { code: 'INTERNAL', message: String(thrown) });
  t.match(named(new TypeError('x is not a function')), { code: 'INTERNAL', message: 'x is not a function' });
});
