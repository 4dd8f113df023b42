/** Every way to find a file, and what it promises. What one of them cannot keep stands here, with the reason. */
import t from 'tap';
import { DISCOVERIES } from '../../lib/mesh/discovery/index.ts';
import { discoverySuite, type PromiseOfDiscovery } from '../suites/discovery.ts';

const SKIPPED: Readonly<Record<string, Partial<Record<PromiseOfDiscovery, string>>>> = {};

t.setTimeout(120_000);

for (const discovery of DISCOVERIES) discoverySuite(t, discovery, SKIPPED[discovery]);
