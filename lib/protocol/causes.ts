/** Why a link went. The code travels in the WebSocket close frame (4000 to 4999 are for programs' own use). */
export const CAUSES = {
  /** The other end left the network, or stopped with it, and said so. */
  left: 4000,
  /** The connection broke without a word. */
  crashed: 4001,
  /** Nothing was heard for too long. */
  silent: 4002,
  /** The choice of neighbours has no place for this link any more. */
  evicted: 4003,
  /** Both ends dialled; the other link stays. */
  duplicate: 4004,
  /** The other end reads too slowly: too many bytes waited for it. */
  slow: 4005,
  /** What came was no message of the protocol, or broke a limit. */
  protocol: 4006,
  /** The other end is no member of this network: its contact does not bear the server's signature. */
  stranger: 4007,
  /** No room for another link. */
  full: 4008,
  /** The errand of this link is done. */
  done: 4009,
} as const;

export type Cause = keyof typeof CAUSES;

/** The cause that a close code tells; a code of nobody's is a crash. */
export function causeOf(code: number): Cause {
  for (const [cause, known] of Object.entries(CAUSES)) if (known === code) return cause as Cause;
  return code === 1009 || code === 1002 || code === 1007 || code === 1008 ? 'protocol' : 'crashed';
}
