/** The bodies of answers, sent no faster than they are read: of a slow reader at most two pieces wait. */
import { SLOWEST_UPLOAD, STALL_MS } from '../../config.ts';
import type { Source } from '../../disk/opened.ts';
import type { Exchange, Headers } from '../../net/transport.ts';
import { pieceBytesFor, type Range } from '../../transfer/pieces.ts';
import { Pace } from '../pace.ts';

/** The head of an answer. */
export interface Head {
  readonly status: number;
  readonly headers: Headers;
}

/**
 * Answers with the bytes of an open file from `start` to `end`. The head goes out when the first of them are read; when
 * the file changes later, the rest never comes, and the connection is cut, so that no mix is taken for the whole.
 * @throws as `OpenFile.read` does, before or after the head.
 */
export async function sendFile(exchange: Exchange, head: Head, file: Source, { start, end }: Range, pace = new Pace()): Promise<void> {
  const pieces = piecesOf(file, { start, end });
  let next = pieces.next().value;
  await next; // what fails before the head can still be answered in words
  exchange.begin(head.status, head.headers);
  while (next !== undefined && !exchange.isClosed) {
    const bytes = await next;
    next = pieces.next().value;
    next?.catch(() => undefined); // it is awaited once this one is sent
    await sendAtPace(exchange, bytes, pace);
  }
  await next?.catch(() => undefined);
  exchange.end();
}

/** Answers with texts, each made when the one before it is gone. */
export async function sendTexts(exchange: Exchange, head: Head, texts: Iterable<string>): Promise<void> {
  exchange.begin(head.status, head.headers);
  for (const text of texts) {
    if (exchange.isClosed) break;
    await sendInTime(exchange, Buffer.from(text));
  }
  exchange.end();
}

/** Sends bytes: under a limit in parts, each when its time has come. */
async function sendAtPace(exchange: Exchange, bytes: Uint8Array, pace: Pace): Promise<void> {
  const slice = pace.slice(bytes.length);
  for (let start = 0; start < bytes.length && !exchange.isClosed; start += slice) {
    const part = bytes.subarray(start, start + slice);
    await pace.take(part.length);
    await sendInTime(exchange, part);
  }
}

// Who takes nothing for so long holds a place that others wait for.
async function sendInTime(exchange: Exchange, bytes: Uint8Array): Promise<void> {
  const late = setTimeout(() => exchange.cut(), STALL_MS + (bytes.length / SLOWEST_UPLOAD) * 1_000);
  await exchange.send(bytes);
  clearTimeout(late);
}

/** The bytes from `start` to `end`, piece by piece; each is read when it is asked for, into the memory of the last but one. */
function* piecesOf(file: Source, { start, end }: Range): Generator<Promise<Uint8Array>, undefined, undefined> {
  const size = pieceBytesFor(file.bytes);
  const memories: Uint8Array<ArrayBuffer>[] = [];
  for (let index = Math.floor(start / size); index * size < end; index++) {
    const from = index * size;
    memories[index % 2] ??= new Uint8Array(Math.min(size, file.bytes));
    yield file.read(index, memories[index % 2]).then((piece) => piece.subarray(Math.max(0, start - from), end - from));
  }
}
