import { useMemo } from 'preact/hooks';
import { read } from '../../api.ts';
import { useLoad } from '../../load.ts';
import { WhenLoaded } from '../../parts/states.tsx';
import type { Statechart } from '../../wire.types.ts';
import { arrowBetween, type Box, currentIn, layoutOf, nextOf } from './chart-layout.ts';

/** As wide as a row of states may become before the next row begins. */
const widest = 760;

/** The chart that the engine runs the definition by, drawn from the machine itself, with the current states lit. */
export function StatechartDrawing({ value }: { readonly value: unknown }) {
  const { loaded, again } = useLoad((aborted) => read<Statechart>('/v1/statechart', aborted));
  return (
    <section aria-labelledby="statechart">
      <h2 id="statechart">Statechart</h2>
      <WhenLoaded loaded={loaded.value} again={again}>
        {(chart) => <Drawing chart={chart} value={value} />}
      </WhenLoaded>
    </section>
  );
}

function Drawing({ chart, value }: { readonly chart: Statechart; readonly value: unknown }) {
  const { width, height, boxes } = useMemo(() => layoutOf(chart, widest), [chart]);
  const current = currentIn(chart, value);
  const next = nextOf(chart, current);
  const leaves = boxes.filter(({ node }) => current.has(node.id) && node.kind === 'state').map(({ node }) => node.id);
  const boxOf = (id: string): Box | undefined => boxes.find(({ node }) => node.id === id);
  return (
    <div class="chart">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keys. */}
      <section class="scroll" aria-label="Drawing of the statechart" tabIndex={0}>
        <svg
          viewBox={`-1 -1 ${width + 2} ${height + 2}`}
          width={width + 2}
          height={height + 2}
          role="img"
          aria-label={`Current: ${leaves.map(spoken).join('; ')}`}
        >
          <defs>
            {['quiet', 'lit'].map((kind) => (
              <marker
                key={kind}
                id={`tip-${kind}`}
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerWidth="7"
                markerHeight="7"
                orient="auto"
              >
                <path d="M0 0L8 4L0 8z" class={`tip ${kind}`} />
              </marker>
            ))}
          </defs>
          {boxes.map((box) => (
            <StateBox key={box.node.id} box={box} lit={current.has(box.node.id)} />
          ))}
          {chart.edges
            .filter(
              ({ from, to, stays }) =>
                !stays && from !== to && !to.startsWith(`${from}_`) && !from.startsWith(`${to}_`),
            )
            .map((edge) => {
              const [from, to] = [boxOf(edge.from), boxOf(edge.to)];
              if (from === undefined || to === undefined) return null;
              const lit = current.has(edge.from) && from.node.kind === 'state';
              return (
                <path
                  key={`${edge.from} ${edge.to} ${edge.label}`}
                  d={arrowBetween(from, to)}
                  class={lit ? 'arrow lit' : 'arrow'}
                  marker-end={`url(#tip-${lit ? 'lit' : 'quiet'})`}
                />
              );
            })}
        </svg>
      </section>
      <div>
        <h3>Current</h3>
        <ul class="current">
          {leaves.map((id) => (
            <li key={id}>{spoken(id)}</li>
          ))}
        </ul>
        <h3>What can come next</h3>
        <ul class="next">
          {next.map(({ from, to, label }) => (
            <li key={`${from} ${to} ${label}`}>
              <code>{label}</code> <span class="soft">{last(from)}</span> → {last(to)}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function StateBox({ box: { node, x, y, width, height }, lit }: { readonly box: Box; readonly lit: boolean }) {
  const { kind, key, runs } = node;
  return (
    <g class={`node ${kind}${lit ? ' lit' : ''}`} transform={`translate(${x} ${y})`}>
      <rect width={width} height={height} rx={kind === 'state' || kind === 'final' ? 14 : 6} />
      <text
        x={kind === 'state' || kind === 'final' ? width / 2 : 10}
        y={kind === 'state' || kind === 'final' ? 18 : 16}
        text-anchor={kind === 'state' || kind === 'final' ? 'middle' : 'start'}
      >
        {key}
        {runs.length > 0 && <tspan class="runs"> runs {runs.join(', ')}</tspan>}
      </text>
    </g>
  );
}

/** `connection_enabled_health_active` as people read it: connection, enabled, health, active. */
const spoken = (id: string): string => id.split('_').join(' › ');
const last = (id: string): string => id.split('_').at(-1) ?? id;
