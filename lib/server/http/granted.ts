/** From what a mind refuses to what HTTP throws. */
import { FloodmeshError } from '../../errors.ts';
import { isRefusal, type Refusal } from '../../registry/registry.ts';

/** The answer. @throws what was refused, with its code. */
export function granted<Answer extends object>(answer: Answer | Refusal): Answer {
  if (isRefusal(answer)) throw new FloodmeshError(answer.code, answer.message, answer.hint);
  return answer;
}
