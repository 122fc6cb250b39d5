import { counted } from '../words.ts';

const height = 24;
const step = 2;

export interface SparklineProps {
  /** By minute, the oldest first. */
  readonly received: readonly number[];
  readonly archived: readonly number[];
}

/** An hour of mail: a bar for what came in each minute, its dark part for what was archived. */
export function Sparkline({ received, archived }: SparklineProps) {
  const most = Math.max(1, ...received, ...archived);
  const total = (series: readonly number[]): number => series.reduce((sum, count) => sum + count, 0);
  const text = `In the last hour ${counted(total(received), 'message')} received, ${total(archived)} archived; at most ${Math.max(0, ...received)} received in a minute`;
  const bars = (series: readonly number[]): string =>
    series
      .map((count, at) => {
        if (count === 0) return '';
        const tall = Math.max(1.5, (count / most) * height);
        return `M${at * step} ${height}v${-tall}h${step - 0.4}v${tall}z`;
      })
      .join('');
  return (
    <svg class="sparkline" viewBox={`0 0 ${received.length * step} ${height}`} role="img" aria-label={text}>
      <title>{text}</title>
      <path class="ground" d={`M0 ${height - 0.5}h${received.length * step}`} />
      <path class="received" d={bars(received)} />
      <path class="archived" d={bars(archived)} />
    </svg>
  );
}
