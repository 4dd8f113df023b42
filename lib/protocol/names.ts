/**
 * What a peer and a file may be called.
 *
 * A name from the wire must already be clean, else it is refused: it is never repaired, because a repaired name is a
 * name that nobody meant (RELIABILITY, hostile names). The rules for files are those of every system a file may land
 * on: no separators, no controls, nothing invisible or direction-changing, no reserved device, not hidden.
 */

/** Bytes of UTF-8 that a file's name may have; file systems allow 255, the rest is room for ` (2)` before its ending. */
export const FILE_NAME_BYTES = 240;

/** Bytes of UTF-8 that a path below a shared folder may have, and names in it. A guess: three times what people build. */
export const PATH_BYTES = 1_024;
export const PATH_NAMES = 32;

/** Characters that a peer's name may have. */
export const PEER_NAME_LENGTH = 32;

const PEER_NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._-]{0,31}$/u;

// Controls, format characters (zero-width, right-to-left override), surrogates, private use, line and paragraph breaks.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;

const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?$/i;

const encoder = new TextEncoder();

/** Why `name` may not be a file's name on any machine, in a few words; undefined when it may. */
export function fileNameFault(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (encoder.encode(name).length > FILE_NAME_BYTES) return `it is longer than ${FILE_NAME_BYTES} bytes`;
  if (INVISIBLE.test(name)) return 'it has a control or invisible character';
  if (name !== name.normalize('NFC')) return 'it is not in the composed form (NFC)';
  if (/[/\\:]/.test(name)) return 'it has a slash, a backslash or a colon';
  if (/^[.\-\s]/u.test(name)) return 'it begins with a dot, a dash or a space';
  if (/[.\s]$/u.test(name)) return 'it ends with a dot or a space';
  if (DEVICE.test(name)) return 'it is a device on some systems';
  if (hidesSeparator(name)) return 'it hides a path behind percent signs';
  return undefined;
}

/**
 * Why `path` may not be where a shared file lies, in a few words; undefined when it may. Its names are separated by
 * slashes, and each must be one that a file may have; the path of a folder ends with a slash.
 */
export function pathFault(path: string): string | undefined {
  if (encoder.encode(path).length > PATH_BYTES) return `it is longer than ${PATH_BYTES} bytes`;
  const names = (path.endsWith('/') ? path.slice(0, -1) : path).split('/');
  if (names.length > PATH_NAMES) return `it goes down more than ${PATH_NAMES} folders`;
  for (const name of names) {
    const fault = fileNameFault(name);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The last name of a path: `a.jpg` of `photos/a.jpg`, `photos` of `photos/`. */
export function lastName(path: string): string {
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  return path.slice(path.lastIndexOf('/', end - 1) + 1, end);
}

/** Why `name` may not be a peer's name; undefined when it may. A peer's name is a folder's name too. */
export function peerNameFault(name: string): string | undefined {
  if (!PEER_NAME.test(name)) {
    return `a name is 1 to ${PEER_NAME_LENGTH} letters, digits, spaces, dots, dashes or underscores, and begins with a letter or digit`;
  }
  return fileNameFault(name);
}

/** The form in which names of peers and networks are compared: `S1` is `s1`. */
export function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** A file's last name without its last ending: `f1` of `f1.txt` and of `texts/f1.txt`. */
export function stem(path: string): string {
  const name = lastName(path);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(0, dot) : name;
}

/** Text from anywhere, fit for a terminal or a log: controls and direction changes become visible escapes. */
export function shown(text: string): string {
  return text.replace(new RegExp(INVISIBLE, 'gu'), (character) => {
    const code = Number(character.codePointAt(0)).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

// Three rounds are enough for what anybody has been seen to try: plain, encoded, encoded twice.
function hidesSeparator(name: string): boolean {
  let decoded = name;
  for (let round = 0; round < 3; round++) {
    const next = decodedOnce(decoded);
    if (next === decoded) return false;
    if (/[/\\]|^\.\.?$/.test(next)) return true;
    decoded = next;
  }
  return false;
}

function decodedOnce(name: string): string {
  return name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
