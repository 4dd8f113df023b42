/**
 * Bugs, to be put into the code while it is loaded: the sweep must find each, or it would not find such a one by mistake made.
 *
 * `right` stands exactly once in the file; where code moves or changes, the bug moves or changes with it.
 */
export interface Bug {
  readonly name: string;
  /** One that found it: tried before all others, which may take long. It is any, once the code is another. */
  readonly seed: number;
  /** Below `lib/`. */
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
}

export const BUGS: readonly Bug[] = [
  // --- the register -------------------------------------------------------------------------------------------------------
  {
    name: 'renews the wrong lease',
    seed: 1,
    file: 'registry/registry.ts',
    right: 'return this.#store.change(lease.serial, lease.state',
    wrong: 'return this.#store.change(Math.max(1, lease.serial - 1), lease.state',
  },
  {
    name: 'gives a port twice',
    seed: 119,
    file: 'registry/stores/memory.ts',
    right: '(candidate) => !isOther(this.#ports.get(candidate))',
    wrong: '() => true',
  },
  {
    name: 'does not check the cookie',
    seed: 11,
    file: 'registry/registry.ts',
    right: "if (lease.cookieHash !== this.#parts.hash(cookie.slice(cookie.indexOf('-') + 1)))",
    wrong: "if (lease.cookieHash === '')",
  },
  {
    name: 'lets a lease last twice as long',
    seed: 0,
    file: 'registry/registry.ts',
    right: `    const expiresAt = now + this.#parts.leaseMs;
    return this.#store.change`,
    wrong: `    const expiresAt = now + 2 * this.#parts.leaseMs;
    return this.#store.change`,
  },
  {
    name: 'does not free the name of the dead',
    seed: 20,
    file: 'registry/referrals.ts',
    right: 'await registry.freeName(place.holder.serial, now());',
    wrong: '',
  },
  {
    name: 'frees a name and keeps it filed',
    seed: 20,
    file: 'registry/registry.ts',
    right: "{ state: 'silent', nameGoes: true }",
    wrong: "{ state: 'silent' }",
  },
  {
    name: 'keeps the lease of whoever leaves',
    seed: 13,
    file: 'registry/registry.ts',
    right: 'return (await this.#store.end(lease.serial, now)) ?? leaseUnknown();',
    wrong: 'return lease;',
  },
  {
    name: 'keeps the port of a lease that ended',
    seed: 25,
    file: 'registry/stores/memory.ts',
    right: 'this.byPort.delete(lease.port);',
    wrong: '',
  },
  {
    name: 'lets all leases end when it comes back',
    seed: 66,
    file: 'registry/registry.ts',
    right: 'return this.#store.prolong(this.#network, now + this.#parts.leaseMs);',
    wrong: 'return this.#store.prolong(this.#network, now);',
  },
  {
    name: 'refers a peer to itself',
    seed: 3,
    file: 'registry/referrals.ts',
    right: 'filter((other) => other !== serial)',
    wrong: 'filter(() => true)',
  },
  // --- transfers ------------------------------------------------------------------------------------------------------------
  {
    name: 'finishes before the last piece is verified',
    seed: 18,
    file: 'transfer/download.ts',
    right: 'this.#pieces - this.#free.size - this.#owed.size - this.#judged.size - this.#claimed.size',
    wrong: 'this.#pieces - this.#free.size - this.#owed.size - this.#claimed.size',
  },
  {
    name: 'takes a wrong piece for right',
    seed: 34,
    file: 'transfer/download.ts',
    right: `    if (ok) return this.#goOn(now);
    this.#wantAgain(index);`,
    wrong: `    if (ok || index > 0) return this.#goOn(now);
    this.#wantAgain(index);`,
  },
  {
    name: 'forgets to fetch a wrong piece again',
    seed: 34,
    file: 'transfer/download.ts',
    right: '    this.#wantAgain(index);\n',
    wrong: '',
  },
  {
    name: 'forgets what a lost holder owed',
    seed: 142,
    file: 'transfer/download.ts',
    right: 'for (const index of holder.expected) this.#release(index, peer);',
    wrong: '',
  },
  // --- what is known of the network -----------------------------------------------------------------------------------------
  {
    name: 'changes its report and not its version',
    seed: 0,
    file: 'mesh/topology.ts',
    right: 'version: before.version + 1',
    wrong: 'version: before.version',
  },
  {
    name: 'takes an old report for news',
    seed: 0,
    file: 'mesh/topology.ts',
    right: 'version > (this.#reports',
    wrong: 'version >= (this.#reports',
  },
  {
    name: 'forgets its last link when it reports',
    seed: 0,
    file: 'mesh/full-knowledge.ts',
    right: 'this.#topology.become({ neighbors: [...this.#neighbors] });',
    wrong: 'this.#topology.become({ neighbors: [...this.#neighbors].slice(0, -1) });',
  },
  {
    name: 'does not pass reports on',
    seed: 16,
    file: 'mesh/full-knowledge.ts',
    right: "this.#sendAll({ type: 'reports', reports: news }, from);",
    wrong: '',
  },
  // --- links ----------------------------------------------------------------------------------------------------------------
  {
    name: 'never dials again whom it could not reach',
    seed: 13,
    file: 'mesh/neighbors.ts',
    right: `    this.#underway.delete(peer);
    const pauseMs`,
    wrong: '    const pauseMs',
  },
  {
    name: 'wants neighbours on one side only',
    seed: 0,
    file: 'mesh/neighbors.ts',
    right: '[place + step, place - step]',
    wrong: '[place + step]',
  },
  {
    name: 'dials a neighbour whose link another replaces',
    seed: 6,
    file: 'mesh/full-knowledge.ts',
    right: "if (cause !== 'duplicate') this.#tend(now);",
    wrong: 'this.#tend(now);',
  },
  {
    name: 'forgets that a link went',
    seed: 0,
    file: 'mesh/mesh.ts',
    right: 'if (!this.#neighbors.delete(event.peer)) return;',
    wrong: 'if (!this.#neighbors.has(event.peer)) return;',
  },
  {
    name: 'gives up too early',
    seed: 5,
    file: 'mesh/liveness.ts',
    right: 'silentSince(ear) + SILENT_MS',
    wrong: 'silentSince(ear) + 300',
  },
  {
    name: 'never gives up',
    seed: 4,
    file: 'mesh/liveness.ts',
    right: 'if (isLate || at > now)',
    wrong: 'if (isLate || at > 0)',
  },
  {
    name: 'does not pass a stop on',
    seed: 13,
    file: 'mesh/mesh.ts',
    right: '    this.#sendAll(message, from);\n',
    wrong: '',
  },
  // --- searches -------------------------------------------------------------------------------------------------------------
  {
    name: 'forgets to remember a query',
    seed: 6,
    file: 'mesh/discovery/planned.ts',
    right: 'if (known === undefined) this.#answers.set(query, files, view.now);',
    wrong: '',
  },
  {
    name: 'remembers for no time',
    seed: 15,
    file: 'mesh/discovery/seen.ts',
    right: 'until: now + this.#lifeMs',
    wrong: 'until: now',
  },
  {
    name: 'sends hits to the wrong neighbour',
    seed: 13,
    file: 'mesh/discovery/planned.ts',
    right: 'return askers.flatMap(([asker, debt]) => tell(asker, debt, message));',
    wrong: 'return [...round.asked.keys()].map((asker) => send(asker, message));',
  },
  {
    name: 'echoes early',
    seed: 0,
    file: 'mesh/discovery/round.ts',
    right: 'if (debt.owed.size > 0) continue;',
    wrong: 'if (debt.owed.size > 1) continue;',
  },
  {
    name: 'does not ask around a lost link',
    seed: 30,
    file: 'mesh/discovery/planned.ts',
    right: 'if (errand !== undefined && errand.pending.size > 0) effects.push(',
    wrong: 'if (errand === null) effects.push(',
  },
  {
    name: 'tells a person of a hit twice',
    seed: 7,
    file: 'mesh/discovery/stranded.ts',
    right: '    own.found.add(key);\n',
    wrong: '',
  },
  {
    name: 'sends a query back',
    seed: 19,
    file: 'mesh/discovery/round.ts',
    right: 'const avoided = new Set([...round.upstream, ...round.mute]);',
    wrong: 'const avoided = new Set([...round.mute]);',
  },
];
