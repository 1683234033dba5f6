/** The results of actions, as the pages show them. */
export const ACTION_WORDS = {
  woken: 'It is being polled now.',
  cancelling: 'It is being cancelled.',
  retried: 'It is tried again: first what Atlas has is read, then what is missing is sent.',
  ended: 'It had ended already.',
  'not-failed': 'Only a failed batch can be retried.',
  unknown: 'The batch is no longer kept.',
} as const;

export type ActionResult = keyof typeof ACTION_WORDS;

export function isActionResult(text: unknown): text is ActionResult {
  return typeof text === 'string' && Object.hasOwn(ACTION_WORDS, text);
}
