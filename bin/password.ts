/**
 * Where a password comes from: a file, the environment, or a person at a terminal who types it unseen. Never a word of the
 * command line: everybody on the machine can read that.
 */
import { passwordsIn } from '../lib/disk/secret.ts';
import { FloodmeshError } from '../lib/errors.ts';
import { shown } from '../lib/protocol/names.ts';
import { askSecret, type Terminal } from '../lib/repl/questions.ts';

/** The environment's password; programs that this one starts do not get it unasked. */
export const PASSWORD_VARIABLE = 'FLOODMESH_PASSWORD';

export interface PasswordSource {
  /** The account is to be made: what is typed is typed twice. */
  readonly isNew: boolean;
  readonly file: string | undefined;
  readonly terminal: Terminal;
}

/** The password of an account. @throws USAGE, when there is nobody to ask; CANCELLED, when there was and gave up. */
export async function passwordFor(account: string, { isNew, file, terminal }: PasswordSource): Promise<string> {
  const given = process.env[PASSWORD_VARIABLE];
  delete process.env[PASSWORD_VARIABLE];
  if (file !== undefined) return (await passwordsIn(file, 1)).join('');
  if (given !== undefined && given !== '') return given;
  if (terminal.input.isTTY !== true || terminal.output.isTTY !== true)
    throw new FloodmeshError('USAGE', 'a password is missing', `name a file with --password-file, or set ${PASSWORD_VARIABLE}`);
  const password = await typed(terminal, `Password of ${shown(account)}: `);
  if (!isNew || password === (await typed(terminal, 'Once more: '))) return password;
  throw new FloodmeshError('USAGE', 'the password was typed in two ways', 'try again');
}

async function typed(terminal: Terminal, question: string): Promise<string> {
  const password = await askSecret(terminal, question);
  if (password === undefined) throw new FloodmeshError('CANCELLED', 'no password was typed');
  return password;
}
