/**
 * Files of holders outside the network, which peers of seed 004 are: asked for by one datagram, compared with the MD5 that the server's
 * index was told, and stored as any download is.
 *
 * An MD5 is weak against who makes both files, but that would be the holder itself, which may offer what it likes; anybody else would
 * need another content for a given MD5 (a second preimage), which nobody can make.
 */
import assert from 'node:assert';
import { createHash } from 'node:crypto';
import { FOREIGN_HOLDERS_ASKED, HANDSHAKE_MS, SEED_FILE_BYTES } from '../config.ts';
import { sha256 } from '../disk/digest.ts';
import type { Content as StoredContent } from '../disk/part.ts';
import { FloodmeshError, named } from '../errors.ts';
import { askByDatagram } from '../net/datagram.ts';
import { authority } from '../protocol/host.ts';
import type { Foreign } from '../protocol/messages/server.ts';
import { fileNameFault, shown, stem } from '../protocol/names.ts';
import type { AlreadyHere, Downloaded } from '../trace.ts';
import { Tree } from '../transfer/merkle.ts';
import type { Choice } from './choice.ts';
import type { Pace } from './pace.ts';
import type { Here, Shelves } from './shelves.ts';
import type { Transfer } from './transfer.ts';

/** One content, as its holders told it. */
export interface ForeignContent {
  readonly name: string;
  /** In lower case; whatever they told, which need not be an MD5. */
  readonly md5: string;
  readonly holders: readonly Foreign[];
}

export interface ForeignParts {
  readonly shelves: Shelves;
  /** The limit on all that this peer receives. */
  readonly pace: Pace;
}

const MD5 = /^[0-9a-f]{32}$/;

/**
 * The content that `name` means, of what is called so or has it for a stem: the one of `choice` (a hash is the beginning of an MD5), else
 * the likeliest, as among members: called exactly so, then what most have. What could not be checked comes last.
 */
export function foreignMeant(name: string, foreign: readonly Foreign[], choice?: Choice): ForeignContent | undefined {
  const found = new Map<string, ForeignContent>();
  for (const file of foreign.filter((each) => each.name === name || stem(each.name) === name)) {
    const md5 = file.hash.toLowerCase();
    const key = `${md5} ${file.name}`;
    found.set(key, { name: file.name, md5, holders: [...(found.get(key)?.holders ?? []), file] });
  }
  const contents = [...found.values()].sort((one, other) => compare(name, one, other));
  if (choice === undefined) return contents[0];
  return 'number' in choice ? contents[choice.number - 1] : contents.find(({ md5 }) => md5.startsWith(choice.hash.toLowerCase()));
}

/**
 * Asks its holders, one after the other, until one sends what has this MD5, and stores that under its name.
 * @throws PROTOCOL_BROKEN, when nothing can be called so; CONTENT_MISMATCH, when nothing that came is right, or could be known to be;
 * HOLDERS_GONE, when nothing came; DISK_FULL, DISK_FAILED; what ends the transfer.
 */
export async function bringForeign(
  content: ForeignContent,
  transfer: Transfer,
  { shelves, pace }: ForeignParts,
): Promise<({ readonly type: 'downloaded' } & Downloaded) | ({ readonly type: 'alreadyHere' } & AlreadyHere)> {
  const { name, md5 } = content;
  requireCheckable(content);
  const { holder, bytes } = await firstRight(content, transfer);
  await pace.passed(bytes.length, transfer.ended);
  const tree = new Tree(bytes.length, sha256);
  tree.add(bytes);
  const { root, layer } = tree.identity();
  const file = { name, root, bytes: bytes.length };
  const before = await shelves.hereOf(file, transfer.ended);
  if (before !== undefined) return { type: 'alreadyHere', ...before };
  transfer.content = { ...file, holders: [] };
  const here = await stored({ ...file, layer }, bytes, shelves);
  const providers = [{ peer: authority(holder), bytes: file.bytes }];
  const ms = Math.round(performance.now() - transfer.began);
  return { type: 'downloaded', ...here, bytes: file.bytes, fetched: file.bytes, hash: root, md5, providers, ms };
}

function requireCheckable({ name, md5, holders: [holder] }: ForeignContent): void {
  const fault = fileNameFault(name);
  if (fault !== undefined) throw new FloodmeshError('PROTOCOL_BROKEN', `nothing is stored as ${shown(name)}: ${fault}`);
  const by = holder === undefined ? 'its holder' : authority(holder);
  if (!MD5.test(md5))
    throw new FloodmeshError('CONTENT_MISMATCH', `${by} told no MD5 of ${shown(name)}: nobody could know whether it is what came`);
}

/** What the first holder sends that sends what it told. */
async function firstRight(content: ForeignContent, transfer: Transfer): Promise<{ readonly holder: Foreign; readonly bytes: Bytes }> {
  let failure: FloodmeshError | undefined;
  for (const holder of content.holders.slice(0, FOREIGN_HOLDERS_ASKED)) {
    try {
      return { holder, bytes: await asked(content, holder, transfer.ended) };
    } catch (thrown) {
      if (transfer.ended.aborted) throw thrown;
      const error = named(thrown);
      const why = error.code === 'CONTENT_MISMATCH' ? 'lied' : 'unreachable';
      transfer.emit({ type: 'holderLost', name: content.name, peer: authority(holder), why });
      // That one lied says more than that another is away.
      if (failure?.code !== 'CONTENT_MISMATCH') failure = error;
    }
  }
  assert(failure !== undefined, 'a content outside the network has a holder');
  throw failure;
}

type Bytes = Uint8Array<ArrayBuffer>;

async function asked({ name, md5 }: ForeignContent, holder: Foreign, signal: AbortSignal): Promise<Bytes> {
  const question = `${holder.folder ?? ''}/${name}`;
  const answer = await askByDatagram(holder, question, HANDSHAKE_MS, signal).catch((thrown) => {
    throw away(name, holder, named(thrown).message);
  });
  if (answer.length === 0) throw away(name, holder, 'it sent nothing');
  // Of its own: Node keeps many datagrams in one piece of memory.
  const bytes = new Uint8Array(answer);
  if (bytes.length > SEED_FILE_BYTES || createHash('md5').update(bytes).digest('hex') !== md5) throw wrong(name, holder, bytes.length);
  return bytes;
}

// The memory of `bytes` is handed over.
async function stored(content: StoredContent, bytes: Bytes, shelves: Shelves): Promise<Here> {
  const { part } = await shelves.downloads.begin(content);
  try {
    const isRight = await part.verify(0, bytes);
    assert(isRight, 'a content has the root that was made of it');
    return await shelves.keep(content.name, content.root, { part, layer: content.layer });
  } catch (thrown) {
    await part.discard();
    throw thrown;
  }
}

function away(name: string, holder: Foreign, why: string): FloodmeshError {
  const message = `${authority(holder)}, which has ${shown(name)} and is outside the network, does not answer (${why})`;
  return new FloodmeshError('HOLDERS_GONE', message, 'ask for it again, or when another has it');
}

function wrong(name: string, holder: Foreign, bytes: number): FloodmeshError {
  const message = `what ${authority(holder)} sent is not ${shown(name)}: it has another MD5 than the index was told`;
  const hint = bytes >= SEED_FILE_BYTES ? `it sends ${SEED_FILE_BYTES} bytes of a file: of a longer one that is not all` : undefined;
  return new FloodmeshError('CONTENT_MISMATCH', message, hint);
}

function compare(name: string, one: ForeignContent, other: ForeignContent): number {
  const checkable = Number(MD5.test(other.md5)) - Number(MD5.test(one.md5));
  const exact = Number(other.name === name) - Number(one.name === name);
  return checkable || exact || other.holders.length - one.holders.length || (one.md5 < other.md5 ? -1 : 1);
}
