"use strict";
// Counts the seconds, fetches the page again every few of them, and makes this one like it. Draws nothing itself.
const EVERY = 3000, ANSWER_WITHIN = 2500;
const MINUTE = 60, HOUR = 3600, DAY = 86400;
let readAt = performance.now(), asking = false;

// As `duration` in amounts.py.
function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), two = (number) => String(Math.floor(number)).padStart(2, "0");
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${two(whole % MINUTE)} s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)} h ${two((whole % HOUR) / MINUTE)} min`;
  return `${Math.floor(whole / DAY)} d ${two((whole % DAY) / HOUR)} h`;
}

function count() {
  const passed = (performance.now() - readAt) / 1000;
  let left = 0;
  for (const place of document.querySelectorAll("[data-left]")) place.textContent = duration(place.dataset.left - passed);
  for (const place of document.querySelectorAll("[data-ago]")) place.textContent = duration(+place.dataset.ago + passed);
  document.getElementById("age").textContent = duration(passed);
  const figure = document.querySelector(".figure [data-left]"), bar = document.querySelector("rect.left");
  if (figure && +bar.dataset.life) left = 100 * Math.max(0, figure.dataset.left - passed) / bar.dataset.life;
  bar.setAttribute("width", `${left.toFixed(2)}%`);
  bar.setAttribute("x", `${(100 - left).toFixed(2)}%`);
}

// Only what differs is touched, so that a selection, the focus and a list stay as a reader left them; what the server
// unfolds is unfolded when the state turns.
let turned = false;
function become(old, wanted) {
  if (old.nodeName !== wanted.nodeName) return old.replaceWith(wanted);
  if (old.nodeType === Node.TEXT_NODE) return old.data === wanted.data || (old.data = wanted.data);
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value && (name !== "open" || turned)) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (name !== "open" && !wanted.hasAttribute(name)) old.removeAttribute(name);
  const olds = [...old.childNodes], news = [...wanted.childNodes];
  news.forEach((child, place) => (place < olds.length ? become(olds[place], child) : old.append(child)));
  olds.slice(news.length).forEach((child) => child.remove());
}

async function ask() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_WITHIN) });
    const wanted = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !wanted.querySelector("main")) throw new Error("not the sidecar's page");
    readAt = performance.now();
    show(wanted);
  } catch {
    reached(false);
  }
  count();
  asking = false;
}

function show(wanted) {
  turned = !document.body.classList.contains(wanted.body.className);
  document.title = wanted.title;
  document.querySelector("link").href = wanted.querySelector("link").href;
  document.body.className = wanted.body.className;
  for (const part of ["header", "main"]) become(document.querySelector(part), wanted.querySelector(part));
  reached(true);
}

function reached(yes) {
  document.getElementById("unreachable").hidden = yes;
  document.body.classList.toggle("stale", !yes);
  if (!yes) document.title = `No answer: ${document.title.replace("No answer: ", "")}`;
}

setInterval(count, 1000);
setInterval(ask, EVERY);
document.addEventListener("visibilitychange", ask);
