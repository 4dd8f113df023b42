/**
 * What the server counts, for Prometheus: its networks, its links and what was asked over them, HTTP, its process.
 *
 * Every figure is read when it is asked for. The collector's own set of process metrics is left out: it wakes an idle
 * process a hundred times a second to measure how late that was.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Lease } from '../../registry/store.ts';
import type { HttpParts } from './parts.ts';
import type { BridgeCounts } from './seed/bridge.ts';

/** In seconds: from what is answered from memory to what a busy database takes. A guess. */
const BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2.5];
const STATES: readonly Lease['state'][] = ['assigned', 'listening', 'silent'];

export class Metrics {
  readonly type: string;
  readonly #registry = new Registry();
  readonly #answers: Histogram<'method' | 'route' | 'status'>;

  constructor(parts: HttpParts, bridge: BridgeCounts) {
    this.type = this.#registry.contentType;
    const registers = [this.#registry];
    countLinks(parts, registers);
    countLeases(parts, registers);
    countBridge(bridge, registers);
    countProcess(registers);
    this.#answers = new Histogram({
      name: 'floodmesh_http_seconds',
      help: 'How long answers over HTTP took, by method, route and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers,
    });
  }

  /** Counts an answer over HTTP that took `ms`. What had no route is counted as one, however many paths are tried. */
  count(method: string, route: string | undefined, status: number, ms: number): void {
    this.#answers.observe({ method, route: route ?? 'none', status }, ms / 1_000);
  }

  /** Everything, as Prometheus reads it. @throws as the store does. */
  shown(): Promise<string> {
    return this.#registry.metrics();
  }
}

function countLinks({ tallies, links }: HttpParts, registers: Registry[]): void {
  new Gauge({
    name: 'floodmesh_links',
    help: 'Links from peers that stand.',
    registers,
    collect() {
      this.set(links());
    },
  });
  new Counter({
    name: 'floodmesh_requests_total',
    help: 'Requests of peers over links (join, listening, renew, leave …), and what each came to: the kind of its answer, or the code of its refusal.',
    labelNames: ['request', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const { request, outcome, count } of tallies) this.inc({ request, outcome }, count);
    },
  });
}

function countLeases({ networks, now }: HttpParts, registers: Registry[]): void {
  new Gauge({
    name: 'floodmesh_leases',
    help: 'Living leases, by network and state.',
    labelNames: ['network', 'state'],
    registers,
    async collect() {
      this.reset();
      for (const { network, registry } of networks()) {
        const leases = await registry.leases(now());
        for (const state of STATES) this.set({ network, state }, leases.filter((lease) => lease.state === state).length);
      }
    },
  });
}

function countBridge(bridge: BridgeCounts, registers: Registry[]): void {
  new Counter({
    name: 'floodmesh_bridge_total',
    help: 'Files of members for peers of seed 004: offered, unavailable, and datagrams for them, answered or ignored.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(bridge)) this.inc({ outcome }, count);
    },
  });
}

function countProcess(registers: Registry[]): void {
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of this process, its own and the system’s for it.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of this process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When this process started, in seconds since 1970.',
    registers,
    collect() {
      this.set(performance.timeOrigin / 1_000);
    },
  });
}
