/**
 * Faults on purpose. Rules say which fault can happen to which request. A seeded stream of numbers
 * decides whether it does, so that the same requests in the same order have the same faults.
 *
 * The first rule that applies to a request wins: a request has at most one fault.
 */
import type { FaultPlan, FaultRule } from './fault-rules.js';
import { type Random, randomFrom } from './random.js';

export class FaultEngine<Endpoint extends string, Kind extends string | number, View> {
  #fired: Record<string, number> = {};
  /** `left`: how often a rule may still apply. */
  #rules: { rule: FaultRule<Endpoint, Kind, View>; left: number }[] = [];
  #rate = 1;
  #onFault: FaultPlan<Endpoint, Kind, View>['onFault'];
  #random: Random;
  #setAt = 0;

  constructor(private readonly seed: number) {
    this.#random = randomFrom(seed);
  }

  /** Replaces all rules; their windows start now. */
  set(plan: FaultPlan<Endpoint, Kind, View>): void {
    this.#rules = plan.rules.map((rule) => ({ rule, left: rule.times ?? Infinity }));
    this.#rate = plan.rate ?? 1;
    this.#onFault = plan.onFault;
    this.#random = randomFrom(plan.seed ?? this.seed);
    this.#setAt = performance.now();
  }

  clear(): void {
    this.#rules = [];
  }

  /** How often each fault happened since the start or a reset; `clear` keeps the numbers. */
  fired(): Record<string, number> {
    return { ...this.#fired };
  }

  /** As at the start. */
  reset(): void {
    this.clear();
    this.#fired = {};
  }

  /** The fault of this request, if any. */
  choose(endpoint: Endpoint, view: View): FaultRule<Endpoint, Kind, View> | undefined {
    const elapsedMs = performance.now() - this.#setAt;
    for (const armed of this.#rules) {
      const { fault, match, fromMs = 0, untilMs = Infinity, probability = this.#rate } = armed.rule;
      if (armed.left <= 0) continue;
      if (armed.rule.endpoint !== undefined && armed.rule.endpoint !== endpoint) continue;
      if (elapsedMs < fromMs || elapsedMs >= untilMs) continue;
      if (match !== undefined && !match(view)) continue;
      // Drawn last: only a request that the rule applies to uses up a number.
      if (this.#random() >= probability) continue;
      armed.left -= 1;
      const name = String(fault);
      this.#fired[name] = (this.#fired[name] ?? 0) + 1;
      this.#onFault?.(armed.rule, view);
      return armed.rule;
    }
    return undefined;
  }
}
