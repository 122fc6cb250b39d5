// Given to a process with --import: from the first SIGUSR2 on its event loop is held up nearly all the time, until the next.
const holdMs = 700;
let timer;
const hold = () => {
  const until = performance.now() + holdMs;
  while (performance.now() < until);
};
process.on('SIGUSR2', () => {
  if (timer === undefined) timer = setInterval(hold, 30);
  else {
    clearInterval(timer);
    timer = undefined;
  }
});
