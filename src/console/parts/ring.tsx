const radius = 20;
const around = 2 * Math.PI * radius;

/** What is left of a time, as a part of a circle: 1 is all of it. The figure stands beside it. */
export function Ring({ share }: { readonly share: number }) {
  const left = Math.min(1, Math.max(0, share));
  return (
    <svg class="ring" viewBox="0 0 48 48" aria-hidden="true">
      <circle cx="24" cy="24" r={radius} class="whole" />
      <circle cx="24" cy="24" r={radius} class="left" stroke-dasharray={`${left * around} ${around}`} />
    </svg>
  );
}
