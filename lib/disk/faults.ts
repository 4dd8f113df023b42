/** What the system's refusals mean here. */
import { FloodmeshError } from '../errors.ts';

/** The system's (or our own) code of an error; '' when it has none. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

/** Whether an open failed because what was there has gone, or is not a plain file any more. */
export function isGone(thrown: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ESTALE', 'CONTENT_CHANGED'].includes(codeOf(thrown));
}

/** DISK_FULL or DISK_FAILED, with what was to be done; an error of our own stays as it is. */
export function diskError(thrown: unknown, doing: string): FloodmeshError {
  if (thrown instanceof FloodmeshError) return thrown;
  const code = codeOf(thrown);
  if (['ENOSPC', 'EDQUOT'].includes(code)) {
    return new FloodmeshError('DISK_FULL', `the disk is full: ${doing}`, 'make room, then ask for the file again', { cause: thrown });
  }
  return new FloodmeshError('DISK_FAILED', `the disk refuses (${code || String(thrown)}): ${doing}`, undefined, { cause: thrown });
}
