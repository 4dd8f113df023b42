/**
 * Every error that floodmesh reports, once: a stable code, the exit code that goes with it, and when it happens.
 *
 * A code never changes its meaning. People read `message` (what happened and why) and `hint` (what to type next);
 * programs read `code`. Nothing here carries a stack trace to a terminal: the command line prints message and hint.
 */

/** The exit codes of the program, as the documentation lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  mismatch: 4,
  unreachable: 5,
  diskFull: 6,
  refused: 7,
  interrupted: 130,
} as const;

/** Each code, and the exit code of a program that ends because of it. */
export const ERROR_EXITS = {
  /** Something that floodmesh did not expect; a report is welcome. */
  INTERNAL: EXIT.failed,
  /** The command line or a typed command does not make sense. */
  USAGE: EXIT.usage,
  /** The Node that runs this is too old. */
  NODE_TOO_OLD: EXIT.usage,
  /** Every port of the network's pool is in use. */
  NETWORK_FULL: EXIT.refused,
  /** The metadata server serves a network of another name. */
  WRONG_NETWORK: EXIT.refused,
  /** A living peer already has this name. */
  NAME_TAKEN: EXIT.refused,
  /** A peer's name breaks the rules of `protocol/names`. */
  NAME_UNACCEPTABLE: EXIT.refused,
  /** A lease was renewed or left with a cookie that does not open it. */
  COOKIE_WRONG: EXIT.refused,
  /** A request over HTTP that changes something came without the server's token, or with another. */
  TOKEN_WRONG: EXIT.refused,
  /** The lease has ended, or this server never gave it. */
  LEASE_UNKNOWN: EXIT.refused,
  /** The metadata server tried the peer's port and found nobody, or somebody else. */
  NOT_LISTENING: EXIT.refused,
  /** The network has accounts, and whoever asks has not logged in; or its session has ended, and it has to log in again. */
  LOGIN_NEEDED: EXIT.refused,
  /** No account of this name has this password. */
  LOGIN_WRONG: EXIT.refused,
  /** A password that is too short, too long, or the account's own name. */
  PASSWORD_UNACCEPTABLE: EXIT.refused,
  /** The network has no accounts: nobody can register or log in. */
  NO_ACCOUNTS: EXIT.refused,
  /** One address asks for more than its share. */
  TOO_MANY: EXIT.refused,
  /** The server's index has no more room, for this peer or for all. */
  CATALOG_FULL: EXIT.refused,
  /** The server's index has another list of this peer than the one that was to be changed: it wants the whole list. */
  LIST_UNKNOWN: EXIT.refused,
  /** A metadata server or a peer does not answer at its address. */
  UNREACHABLE: EXIT.unreachable,
  /** An answer did not come within its bound. */
  TIMED_OUT: EXIT.unreachable,
  /** The database that keeps the register does not answer; peers go on, and the server asks it again. */
  STORE_AWAY: EXIT.unreachable,
  /** A port that this program was told to listen on belongs to another program. */
  PORT_TAKEN: EXIT.failed,
  /** No living peer has a file of this name. */
  NOT_FOUND: EXIT.notFound,
  /** No peer of this name or id is in the network. */
  PEER_UNKNOWN: EXIT.notFound,
  /** What arrived does not have the hash that was promised, from any holder. */
  CONTENT_MISMATCH: EXIT.mismatch,
  /** The holder's file changed while it was served. */
  CONTENT_CHANGED: EXIT.mismatch,
  /** Some of the titles and numbers that the `metadata.json` of a shared folder gives cannot be used. */
  METADATA_FAULTY: EXIT.failed,
  /** Every holder went away before the file was whole. */
  HOLDERS_GONE: EXIT.unreachable,
  /** No room left on the disk. */
  DISK_FULL: EXIT.diskFull,
  /** The disk refused to read or write, other than for lack of room. */
  DISK_FAILED: EXIT.failed,
  /** A folder does not exist, or is not a folder, or may not be used. */
  FOLDER_UNUSABLE: EXIT.failed,
  /** Another process already downloads into this folder. */
  FOLDER_IN_USE: EXIT.failed,
  /** Somebody sent bytes that are no message of this protocol, or broke a limit. */
  PROTOCOL_BROKEN: EXIT.failed,
  /** The peer has left, is leaving, or was stopped. */
  ENDED: EXIT.failed,
  /** The caller gave up: its AbortSignal fired, or Ctrl-C was pressed. */
  CANCELLED: EXIT.interrupted,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof ERROR_EXITS;

/** Whether `code`, from elsewhere, is one of ours. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_EXITS, code);
}

/** An error with a stable code: what happened in `message`, what to do about it in `hint`. */
export class FloodmeshError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FloodmeshError';
    this.code = code;
    this.hint = hint;
  }

  get exitCode(): number {
    return ERROR_EXITS[this.code];
  }
}

/** What is said to a peer that has joined without an account, when it asks for what only accounts have. */
export function withoutAccount(): FloodmeshError {
  return new FloodmeshError(
    'NO_ACCOUNTS',
    'this peer has joined without an account',
    'join with --account NAME, where the server has accounts',
  );
}

/** Whatever was thrown, as an error with a code: ours stays as it is, the system's are named by what they mean. */
export function named(thrown: unknown): FloodmeshError {
  if (thrown instanceof FloodmeshError) return thrown;
  if (!(thrown instanceof Error)) return new FloodmeshError('INTERNAL', String(thrown));
  if (thrown.name === 'AbortError') return new FloodmeshError('CANCELLED', 'cancelled', undefined, { cause: thrown });
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new FloodmeshError('DISK_FULL', 'the disk is full', 'make room, then ask for the file again', { cause: thrown });
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'ETIMEDOUT':
      return new FloodmeshError('UNREACHABLE', thrown.message, undefined, { cause: thrown });
    case 'EADDRINUSE':
      return new FloodmeshError('PORT_TAKEN', 'the port belongs to another program', undefined, { cause: thrown });
    case 'EIO':
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
    case 'EMFILE':
    case 'ENFILE':
      return new FloodmeshError('DISK_FAILED', thrown.message, undefined, { cause: thrown });
    default:
      return new FloodmeshError('INTERNAL', thrown.message, undefined, { cause: thrown });
  }
}
