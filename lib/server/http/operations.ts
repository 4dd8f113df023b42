/** Everything that can be asked over HTTP: the only list of it. */
import type { Metrics } from './metrics.ts';
import type { Operation } from './operation.ts';
import type { HttpParts } from './parts.ts';
import { accountOperations } from './v1/accounts.ts';
import { fileOperations } from './v1/files.ts';
import { healthOperations } from './v1/health.ts';
import { leaseOperations } from './v1/leases.ts';
import { networkOperations } from './v1/networks.ts';
import { peerOperations } from './v1/peers.ts';
import { sessionOperations } from './v1/sessions.ts';

export function operations(parts: HttpParts, metrics: Metrics): readonly Operation[] {
  return [
    ...healthOperations(parts, metrics),
    ...networkOperations(),
    ...peerOperations(parts),
    ...leaseOperations(parts),
    ...fileOperations(parts),
    ...accountOperations(parts),
    ...sessionOperations(),
  ];
}
