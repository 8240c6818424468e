// The sliders of the planner: each stands beside the field with its number, which alone is sent, and moves it by steps.
"use strict";

function slide(slider) {
  const field = document.getElementById(slider.dataset.of);
  const stops = slider.dataset.stops.split(" ").map(Number);

  // What a position is: nothing is stated at the first one, and each of the others is a number.
  const textAt = (place) => (place > 0 ? String(stops[place - 1]) : "");
  const tell = () => slider.setAttribute("aria-valuetext", field.value.trim() || field.placeholder);

  // The position whose number is nearest to the one in the field, from below.
  function follow() {
    const stated = field.value.trim();
    const number = Number(stated);
    slider.value = stated && number >= 0 ? Math.max(stops.filter((one) => one <= number).length, 1) : 0;
    tell();
  }

  slider.max = stops.length;
  slider.addEventListener("input", () => {
    field.value = textAt(Number(slider.value));
    tell();
  });
  field.addEventListener("input", follow);
  window.addEventListener("pageshow", follow);
  slider.hidden = false;
  follow();
}

for (const slider of document.querySelectorAll("input[type=range]")) slide(slider);
