/** Whether the webhook's receiver takes events, as this worker has seen it. */
import type { WebhookReport } from '../../jobs/worker-report.js';

export class ReceiverHealth {
  private seen: WebhookReport | null = null;

  delivered(now: number): void {
    const before = this.seen ?? { lastFailedAt: 0, code: '' };
    this.seen = { ...before, failingSince: null, lastDeliveredAt: now };
  }

  failed(now: number, code: string): void {
    const { failingSince = null, lastDeliveredAt = 0 } = this.seen ?? {};
    this.seen = { failingSince: failingSince ?? now, lastFailedAt: now, lastDeliveredAt, code };
  }

  get report(): WebhookReport | null {
    return this.seen;
  }
}
