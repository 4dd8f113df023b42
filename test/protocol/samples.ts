/** One sound sample of every message, for tests that spoil them. */
import type { Contact, Provider, SharedFile } from '../../lib/protocol/fields.ts';
import { peerId, queryId, rootOf } from '../../lib/protocol/ids.ts';
import type { AsideMessage } from '../../lib/protocol/messages/aside.ts';
import type { Head, LinkMessage, Report } from '../../lib/protocol/messages/link.ts';
import type { ServerAnswer, ServerRequest } from '../../lib/protocol/messages/server.ts';
import type { TransferMessage } from '../../lib/protocol/messages/transfer.ts';

export const peer = peerId('abcdefghijkl');
const other = peerId('ABC_-6789012');
const query = queryId('abcdefghijklmnopqrstuv');
const cookie = 'abcdefghijklmnopqrstuv';
const session = 's'.repeat(43);

export const contact: Contact = { peer, name: 's1', host: '127.0.0.1', port: 9000, network: 'p2p', serial: 7, signature: 'Zm9v' };
export const provider: Provider = { peer, name: 'f1.txt', bytes: 12, root: rootOf('0f'.repeat(32)) };
export const folder: Provider = { peer, name: 'photos/', bytes: 99, root: rootOf('1f'.repeat(32)), holds: { files: 3, bytes: 2_000 } };
const { peer: _, ...file } = provider;
const { peer: __, ...folderFile } = folder;
export const files: readonly SharedFile[] = [file, folderFile];
export const document: Provider = { ...provider, name: '959.txt', title: 'FILE TRANSFER PROTOCOL (FTP)', number: '959' };
const keys = 'k'.repeat(86);
const nonce = 'n'.repeat(22);
const proof = 'p'.repeat(16);

export const report: Report = { contact, version: 3, neighbors: [other], keys, signature: 's'.repeat(86) };

export const head: Head = { contact, version: 7, entries: 2, digest: 'd'.repeat(22), keys, signature: 's'.repeat(86) };

export const links: readonly LinkMessage[] = [
  { type: 'hello', protocol: 1, contact, keys, nonce },
  { type: 'hello', protocol: 1, contact, keys, nonce, proof },
  { type: 'welcome', proof },
  { type: 'reports', reports: [report, { ...report, left: true }, { ...report, partial: true }] },
  { type: 'walk', contact, hops: 12, links: 2 },
  { type: 'swap', contact },
  { type: 'shuffle', contacts: [contact] },
  { type: 'shuffled', contacts: [] },
  { type: 'ping' },
  { type: 'ping', nextMs: 400 },
  { type: 'pong' },
  { type: 'probe', peer, silentMs: 800 },
  { type: 'probed', peer },
  { type: 'query', query, want: { by: 'name', name: 'f1' }, reach: [peer], covered: [peer, other], trail: [other], patienceMs: 900 },
  { type: 'query', query, want: { by: 'text', text: 'f' }, reach: [], covered: [], trail: [other], patienceMs: 0 },
  { type: 'query', query, want: { by: 'all' }, reach: [], covered: [], trail: [other], patienceMs: 0 },
  { type: 'query', query, want: { by: 'number', number: '959' }, reach: [], covered: [], trail: [other], patienceMs: 0 },
  { type: 'query', query, want: { by: 'words', words: 'file transfer' }, reach: [], covered: [], trail: [other], patienceMs: 0 },
  { type: 'hits', query, providers: [provider, folder, document] },
  { type: 'echo', query, answered: [peer], proofs: [proof], missed: [other] },
  { type: 'echo', query, answered: [peer], proofs: [''], missed: [] },
  { type: 'hits', query, providers: [provider], proof },
  { type: 'hits', query, providers: [provider], contact, part: 0, detours: 3, keys, signature: 's'.repeat(86) },
  { type: 'wave', query, want: { by: 'name', name: 'f1' }, depth: 1, limit: 32, patienceMs: 900 },
  { type: 'wave', query, want: { by: 'peers' }, only: peer, depth: 1, limit: 32, open: true, patienceMs: 900 },
  { type: 'ebb', query, asked: 3, silent: 1, edge: 5 },
  { type: 'extend', query, limit: 5, patienceMs: 900 },
  { type: 'placed', query, reports: [report] },
  { type: 'tally', sums: [0, 1, 2, 3, 4, 5, 6, 2 ** 32 - 1] },
  { type: 'known', lists: [[peer, 7]] },
  { type: 'known', lists: [], buckets: [0, 7] },
  { type: 'known', lists: [], answer: true },
  {
    type: 'wanted',
    wants: [
      [peer, 3, 0],
      [other, 0, 512],
    ],
  },
  { type: 'lists', told: [{ head: { ...head, left: true }, shared: [] }] },
  {
    type: 'lists',
    told: [
      { head, shared: [...files] },
      { head, shared: [...files], start: 3, more: true },
      { head, shared: [], base: 3, removed: ['f2.txt'] },
    ],
    answer: true,
  },
  { type: 'doubted', lists: [[peer, 7]] },
  { type: 'cancel', query },
  { type: 'call', call: query, holder: peer, root: provider.root, trail: [other] },
  { type: 'call', call: query, holder: peer, root: provider.root, trail: [other], contact },
  { type: 'callFailed', call: query },
  { type: 'leaving', neighbors: [contact] },
  { type: 'released' },
  { type: 'stop', stop: query },
];

export const asides: readonly AsideMessage[] = [
  { type: 'seek', ask: 1, at: 0 },
  { type: 'sought', ask: 1, contacts: [contact] },
  { type: 'sought', ask: 1, contacts: [contact], home: true },
  { type: 'around', ask: 1 },
  { type: 'around', ask: 1, until: 2 ** 48 - 1 },
  { type: 'neighborhood', ask: 1, successors: [], between: [], linked: [] },
  { type: 'neighborhood', ask: 1, predecessor: contact, successors: [contact], between: [contact], linked: [other] },
  { type: 'precede' },
  { type: 'depart', successors: [contact] },
  { type: 'depart', predecessor: contact, successors: [] },
  { type: 'keep', keys: [0, 2 ** 48 - 1], lifeMs: 60_000 },
  { type: 'inherit', contact, keys: [7], lifeMs: 1 },
  { type: 'holders', ask: 1, key: 9 },
  { type: 'holding', ask: 1, holders: [contact] },
  { type: 'holding', ask: 1, holders: [], more: true },
  { type: 'inquire', ask: 1, want: { by: 'name', name: 'f1' } },
  { type: 'offered', ask: 1, providers: [provider, folder] },
  { type: 'offered', ask: 1, providers: [], more: true },
];

export const requests: readonly ServerRequest[] = [
  { type: 'join', id: 1, protocol: 1, network: 'p2p', peer, name: 's1', host: '127.0.0.1' },
  { type: 'join', id: 1, protocol: 1, network: 'p2p', peer, name: 's1', host: '127.0.0.1', port: 9000, cookie },
  { type: 'portTaken', id: 2, port: 9000 },
  { type: 'listening', id: 3 },
  { type: 'renew', id: 4, cookie },
  { type: 'refer', id: 5 },
  { type: 'join', id: 1, protocol: 1, network: 'p2p', peer, name: 's1', host: '127.0.0.1', session },
  { type: 'register', id: 8, name: 'Anna', password: 'correct horse' },
  { type: 'register', id: 8, network: 'p2p', name: 'Anna', password: 'correct horse' },
  { type: 'login', id: 9, name: 'Anna', password: 'correct horse' },
  { type: 'login', id: 9, network: 'p2p', name: 'Anna', password: 'correct horse' },
  { type: 'keepAlive', id: 10, session },
  { type: 'logout', id: 11, session },
  { type: 'changePassword', id: 12, session, old: 'correct horse', next: 'battery staple' },
  { type: 'listPeers', id: 6, which: 'all' },
  { type: 'leave', id: 7, cookie },
  { type: 'publish', id: 13, base: 'whole', version: 1, removed: [], put: [...files] },
  { type: 'publish', id: 13, base: 1, version: 2, removed: ['f1.txt'], put: [] },
  { type: 'locate', id: 14, want: { by: 'name', name: 'f1' } },
  { type: 'locate', id: 14, want: { by: 'all' }, cursor: '2.a', most: 16 },
  { type: 'browse', id: 15, peer, cursor: 'f1.txt', most: 512 },
  { type: 'contacts', id: 16, cursor: 'a', most: 1 },
];

export const answers: readonly ServerAnswer[] = [
  { type: 'assigned', id: 1, contact, cookie, leaseMs: 30_000, discovery: 'flood', networkKey: 'Zm9v', members: 1 },
  { type: 'referred', id: 2, referral: contact, members: 9 },
  { type: 'referred', id: 2, referral: null },
  { type: 'peerList', id: 3, peers: [{ peer, name: 's1', host: '127.0.0.1', port: 9000, online: true, joined: 1, seconds: 2 }] },
  {
    type: 'peerList',
    id: 3,
    peers: [{ peer, name: 's1', host: '127.0.0.1', port: 9000, online: true, joined: 1, seconds: 2, account: 'Anna' }],
    accounts: [{ number: 7, name: 'Anna', online: true, seconds: 3 }],
  },
  { type: 'assigned', id: 1, contact, cookie, leaseMs: 30_000, discovery: 'flood', networkKey: 'Zm9v', index: true, listLifeMs: 240_000 },
  { type: 'published', id: 13, version: 1, entries: 0 },
  { type: 'located', id: 14, found: [{ contact, held: [...files] }], cursor: '2.a' },
  { type: 'located', id: 14, found: [], foreign: [{ name: 'f1.txt', folder: 'tests', hash: '0f', host: '10.0.0.1', port: 8000 }] },
  { type: 'browsed', id: 15, contact, version: 1, entries: 2, found: [...files], cursor: 'photos/' },
  { type: 'contactList', id: 16, found: [contact], members: 1, cursor: 'a' },
  { type: 'left', id: 4 },
  { type: 'registered', id: 8, number: 7, name: 'Anna' },
  { type: 'loggedIn', id: 9, number: 7, name: 'Anna', session },
  { type: 'keptAlive', id: 10 },
  { type: 'loggedOut', id: 11 },
  { type: 'passwordChanged', id: 12 },
  { type: 'refused', id: 5, code: 'NETWORK_FULL', message: 'the network is full' },
  { type: 'refused', id: 5, code: 'NETWORK_FULL', message: 'the network is full', hint: 'wait' },
];

export const transfers: readonly TransferMessage[] = [
  { type: 'open', root: provider.root },
  { type: 'opened', bytes: 0 },
  { type: 'pieces', first: 0, count: 64 },
  { type: 'contents', roots: [provider.root, folder.root] },
  { type: 'missing', root: provider.root },
  { type: 'closed', code: 'CONTENT_CHANGED', message: 'the file changed' },
];

/** Names that no machine may ever take from another: for files and for peers alike. */
export const hostileNames: readonly string[] = [
  '',
  '.',
  '..',
  '...',
  '../../x',
  '..\\..\\x',
  '/etc/passwd',
  'a/b',
  'a\\b',
  'C:\\x',
  'C:x',
  '\\\\server\\share',
  '%2e%2e%2fx',
  '%252e%252e%252fx',
  '%25252e%25252e%25252fx',
  '%2e%2e',
  'a%5cb',
  'CON',
  'con',
  'nul.txt',
  'COM1',
  'lpt9.tar.gz',
  'com¹',
  'CONIN$',
  'nul\0.txt',
  'a\nb',
  'a\rb',
  'a\tb',
  'a\x1b[31mb',
  'a\x7fb',
  'a\u0085b',
  'x'.repeat(241),
  '字'.repeat(81),
  'name.',
  'name ',
  ' name',
  '\u00a0name',
  'name\u3000',
  '.hidden',
  '.floodmesh-part',
  '-rf',
  '--help',
  'txt.\u202egpj',
  'a\u2066b',
  'a\u200bb',
  'a\ufeffb',
  'a\u2028b',
  'a\ue000b',
  'a\ud800b',
  'cafe\u0301.txt',
  'file:stream',
];
