/** Gauges of what waits at the gate, and of the room that is left behind it. */
import { Gauge, type Registry } from 'prom-client';
import { LINE_REASONS, type Line, roomLeft } from '../../gate/line.js';

export interface LineMetrics {
  set(line: Line): void;
  /** Leaves no sample. */
  clear(): void;
}

export function createLineMetrics(registry: Registry): LineMetrics {
  const gauge = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Gauge({ name: `atlas_batch_${name}`, help, labelNames, registers: [registry] });
  const byPriority: ['priority'] = ['priority'];
  const uploads = gauge('line_uploads', 'Uploads that wait in line for their turn.', byPriority);
  const documents = gauge('line_documents', 'Documents of those uploads.', byPriority);
  const oldest = gauge(
    'line_oldest_seconds',
    'How long the upload that entered the line first has been there.',
    byPriority,
  );
  const hold = gauge('line_hold', 'Whether the head of the line waits for this.', ['why']);
  const inFlight = gauge(
    'documents_in_flight',
    'Documents that the gate has let through and that are not over.',
  );
  const room = gauge('room_documents', 'Documents that the limit leaves room for.');
  return {
    set(line) {
      for (const [priority, waiting] of Object.entries(line.waiting)) {
        uploads.set({ priority }, waiting.uploads);
        documents.set({ priority }, waiting.documents);
        oldest.set({ priority }, waiting.oldestMs / 1000);
      }
      for (const why of Object.keys(LINE_REASONS))
        hold.set({ why }, Number(line.uploads > 0 && line.hold.why === why));
      inFlight.set(line.documentsInFlight);
      const left = roomLeft(line);
      if (left !== null) room.set(left);
    },
    clear() {
      for (const one of [uploads, documents, oldest, hold]) one.reset();
      // Without a limit there is no sample of the room: 0 would mean that it is full.
      for (const one of [inFlight, room]) one.remove();
    },
  };
}
