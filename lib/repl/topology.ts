/**
 * The whole network in characters: a drawing, then every peer with its port and its neighbours.
 *
 * The drawing puts the peers on an ellipse and every link as a straight line between them. Points of an ellipse are
 * corners of a convex shape, so no line runs through a third peer, and names stand outside (one may cover the end of a
 * line of its own peer): what one sees touch is linked. Around the ellipse peers stand so that links are short, which makes a ring look like one.
 * More than twenty peers, or a narrow terminal, get the list alone; the list is exact in any case.
 */
import { shown } from '../protocol/names.ts';
import type { TopologyPeer } from '../trace.ts';
import { Canvas, type Cell } from './canvas.ts';
import { counted } from './units.ts';
import { columns, padded, shortened, wrapped } from './width.ts';

/** Most peers that are drawn: with more, lines cover each other. */
export const DRAWN_PEERS = 20;
/** Lines are never broken to less than this; a narrower terminal breaks them itself. */
export const LEAST_LIST_COLUMNS = 20;
const LEAST_DRAWING_COLUMNS = 12;
const LEAST_ROWS = 7;
/** Columns to a row that make an ellipse look round. */
const ASPECT = 2;
const LABEL_COLUMNS = 24;
const EPSILON = 1e-9;

/** A drawing where one helps, an empty line, and the list: lines of at most `width` columns, but 20 at the least. */
export function topologyLines(peers: readonly TopologyPeer[], width: number): string[] {
  const drawing = topologyDrawing(peers, width);
  return [...drawing, ...(drawing.length > 0 ? [''] : []), ...topologyList(peers, width)];
}

/** Every peer of a part with port and neighbours, by name. */
export function rowLines(peers: readonly TopologyPeer[], width: number): string[] {
  const room = Math.max(width, LEAST_LIST_COLUMNS);
  const nameColumns = Math.max(0, ...peers.map((peer) => columns(shown(peer.name))));
  return byName(peers).flatMap((peer) => row(peer, nameColumns, neighborWords(peer), room));
}

/** Every peer with port and neighbours, by name; a link that only one end tells of is marked with an asterisk. */
export function topologyList(peers: readonly TopologyPeer[], width: number): string[] {
  const room = Math.max(width, LEAST_LIST_COLUMNS);
  const sorted = byName(peers);
  const told = toldLinks(sorted);
  const nameColumns = Math.max(0, ...sorted.map((peer) => columns(shown(peer.name))));
  const rows = sorted.flatMap((peer) => row(peer, nameColumns, neighborWords(peer, told), room));
  const summary = `${counted(sorted.length, 'peer')}, ${counted(drawnLinks(sorted).length, 'link')}`;
  const note = isOneSided(sorted, told) ? wrapped('* only this end tells of the link'.split(' '), room) : [];
  return [...wrapped(summary.split(' '), room), ...rows, ...note];
}

/** The drawing alone; no lines where the list says more than a drawing would. */
export function topologyDrawing(peers: readonly TopologyPeer[], width: number): string[] {
  if (peers.length < 2 || peers.length > DRAWN_PEERS) return [];
  // Two peers of one name (one of them has just died) cannot be told apart in the lists of neighbours.
  if (new Set(peers.map((peer) => peer.name)).size < peers.length) return [];
  const margin = Math.max(...peers.map((peer) => columns(label(peer.name)))) + 1;
  const height = peers.length === 2 ? 1 : Math.max(LEAST_ROWS, peers.length + 2);
  const across = Math.min(width - 2 * margin, ASPECT * height + LEAST_DRAWING_COLUMNS);
  return across < LEAST_DRAWING_COLUMNS ? [] : draw(peers, { across, height, margin });
}

interface Sheet {
  /** Columns of the ellipse alone, its rows, and the columns for names on either side of it. */
  readonly across: number;
  readonly height: number;
  readonly margin: number;
}

function draw(peers: readonly TopologyPeer[], sheet: Sheet): string[] {
  const links = drawnLinks(peers);
  const names = arranged(
    byName(peers).map((peer) => peer.name),
    links,
  );
  const places = placed(names, sheet);
  const canvas = new Canvas(sheet.across + 2 * sheet.margin, sheet.height + 2);
  for (const [one, other] of links) {
    const from = places.get(one);
    const to = places.get(other);
    if (from !== undefined && to !== undefined) canvas.line(from, to);
  }
  for (const [name, at] of places) {
    canvas.write(at, '●');
    // The space keeps the end of a line from running into the name.
    const text = { left: `${label(name)} `, right: ` ${label(name)}`, top: label(name), bottom: label(name) }[at.side];
    canvas.write(beside(at, columns(text)), text);
  }
  return canvas.lines().filter((line) => line !== '');
}

// Outwards: on the peer's own row the ellipse ends with the peer, and above the highest and below the lowest is nothing.
function beside(at: Place, width: number): Cell {
  switch (at.side) {
    case 'left':
      return { row: at.row, column: at.column - width };
    case 'right':
      return { row: at.row, column: at.column + 1 };
    case 'top':
      return { row: at.row - 1, column: at.column - Math.floor(width / 2) };
    case 'bottom':
      return { row: at.row + 1, column: at.column - Math.floor(width / 2) };
  }
}

function label(name: string): string {
  return shortened(shown(name), LABEL_COLUMNS);
}

// --- who stands where -------------------------------------------------------------------------------------------------

type Link = readonly [string, string];
type Place = Cell & { readonly side: 'left' | 'right' | 'top' | 'bottom' };

/** Every link once, though it is told of from both ends. */
function drawnLinks(peers: readonly TopologyPeer[]): Link[] {
  const links = new Map<string, Link>();
  for (const { name, neighbors } of peers) {
    for (const neighbor of neighbors) {
      const link: Link = name < neighbor ? [name, neighbor] : [neighbor, name];
      links.set(toldKey(...link), link);
    }
  }
  return [...links.values()];
}

/** The names in an order around the ellipse that makes links short: the better of two that could not be bettered. */
function arranged(names: readonly string[], links: readonly Link[]): readonly string[] {
  // A ring whose order is twisted is not always found from the order of names, but from a walk along the links.
  const [byNames, byWalk] = [bettered(names, links), bettered(walk(names, links), links)];
  return lengthAround(byWalk, links) < lengthAround(byNames, links) ? byWalk : byNames;
}

/** Turns a stretch around while that makes links shorter (2-opt). */
function bettered(names: readonly string[], links: readonly Link[]): readonly string[] {
  const length = lengthAround(names, links);
  for (const other of turnedAround(names)) {
    if (lengthAround(other, links) < length) return bettered(other, links);
  }
  return names;
}

/** The names in the order of a walk along the links, depth first. */
function walk(names: readonly string[], links: readonly Link[]): string[] {
  const walked = new Set<string>();
  const visit = (name: string): void => {
    if (walked.has(name) || !names.includes(name)) return;
    walked.add(name);
    for (const [one, other] of links) {
      if (one === name) visit(other);
      if (other === name) visit(one);
    }
  };
  for (const name of names) visit(name);
  return [...walked];
}

/** Every order that differs from `names` by one stretch turned around. */
function* turnedAround(names: readonly string[]): Generator<string[]> {
  for (let from = 1; from < names.length; from++) {
    for (let to = from + 2; to <= names.length; to++) {
      yield [...names.slice(0, from), ...names.slice(from, to).reverse(), ...names.slice(to)];
    }
  }
}

function lengthAround(names: readonly string[], links: readonly Link[]): number {
  const places = new Map(names.map((name, place) => [name, place]));
  let sum = 0;
  for (const [one, other] of links) {
    const apart = Math.abs((places.get(one) ?? 0) - (places.get(other) ?? 0));
    sum += Math.min(apart, names.length - apart);
  }
  return sum;
}

/**
 * Clockwise from the top at equal angles; two peers stand side by side. With two rows more than peers, the peers of one
 * side come to stand in rows of their own, so that no two names meet.
 */
function placed(names: readonly string[], { across, height, margin }: Sheet): Map<string, Place> {
  const first = names.length === 2 ? -Math.PI / 2 : 0;
  return new Map(
    names.map((name, number) => {
      const angle = first + (2 * Math.PI * number) / names.length;
      const column = margin + Math.round(((1 + Math.sin(angle)) / 2) * (across - 1));
      const row = 1 + Math.round(((1 - Math.cos(angle)) / 2) * (height - 1));
      return [name, { column, row, side: sideOf(angle) }];
    }),
  );
}

function sideOf(angle: number): Place['side'] {
  if (Math.abs(Math.sin(angle)) > EPSILON) return Math.sin(angle) < 0 ? 'left' : 'right';
  return Math.cos(angle) > 0 ? 'top' : 'bottom';
}

// --- the list ---------------------------------------------------------------------------------------------------------

function row(peer: TopologyPeer, nameColumns: number, words: readonly string[], width: number): string[] {
  const name = shown(peer.name);
  const indent = nameColumns + 9;
  // Long names leave no room beside them: the neighbours go under them.
  if (indent > width / 2) {
    return [...wrapped([name, String(peer.port)], width), ...wrapped(words, width - 4).map((line) => `    ${line}`)];
  }
  const [first = '', ...others] = wrapped(words, width - indent);
  return [`${padded(name, nameColumns)}  ${String(peer.port).padEnd(5)}  ${first}`, ...others.map((line) => ' '.repeat(indent) + line)];
}

function neighborWords(peer: TopologyPeer, told?: ReadonlySet<string>): string[] {
  const words = linkedWords(peer, told);
  return peer.ring === undefined ? words : [...words, ...ringWords(peer.ring)];
}

/** Who stands around a peer in a ring: before it, behind it, behind that. */
function ringWords({ predecessor, successor, next }: NonNullable<TopologyPeer['ring']>): string[] {
  const seats = [
    ['after', predecessor],
    ['before', successor],
    ['then', next],
  ].flatMap(([word, name]) => (name === undefined ? [] : `${word} ${shown(name)}`));
  return ['·', ...(seats.length === 0 ? ['alone in the ring'] : seats)];
}

function linkedWords(peer: TopologyPeer, told?: ReadonlySet<string>): string[] {
  if (peer.neighbors.length === 0) return ['no neighbours'];
  const sorted = [...peer.neighbors].sort(inOrder.compare);
  return sorted.map((neighbor, place) => {
    const mark = told === undefined || told.has(toldKey(neighbor, peer.name)) ? '' : '*';
    return `${shown(neighbor)}${mark}${place < sorted.length - 1 ? ',' : ''}`;
  });
}

/** What each peer tells of its links, to see which are told of from one end only. */
function toldLinks(peers: readonly TopologyPeer[]): Set<string> {
  return new Set(peers.flatMap((peer) => peer.neighbors.map((neighbor) => toldKey(peer.name, neighbor))));
}

function isOneSided(peers: readonly TopologyPeer[], told: ReadonlySet<string>): boolean {
  return peers.some((peer) => peer.neighbors.some((neighbor) => !told.has(toldKey(neighbor, peer.name))));
}

function byName(peers: readonly TopologyPeer[]): TopologyPeer[] {
  return [...peers].sort((one, other) => inOrder.compare(one.name, other.name) || one.port - other.port);
}

// s10 comes after s9, on every machine alike.
const inOrder = new Intl.Collator('en', { numeric: true });

function toldKey(teller: string, neighbor: string): string {
  return JSON.stringify([teller, neighbor]);
}
