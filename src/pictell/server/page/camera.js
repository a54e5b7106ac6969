// Taking a picture. The picture is the photo that is captioned; nothing of the video leaves the page.

import {say} from "./language.js";

const dialog = document.getElementById("viewfinder"), video = document.getElementById("video");
const shoot = document.getElementById("shoot"), turn = document.getElementById("turn"), problem = document.getElementById("camera-problem");
const use = document.getElementById("camera"), capture = document.getElementById("capture");

let stream, wanted = {facingMode: {ideal: "environment"}}, number = 0, opening = 0;

export function begin(take) {
  const can = navigator.mediaDevices?.getUserMedia !== undefined;
  // Pages that are not secure get no camera, but phones take a picture for a field that asks for one.
  use.hidden = !can && !matchMedia("(pointer: coarse)").matches;
  use.addEventListener("click", () => { if (can) open(); else capture.click(); });
  capture.addEventListener("change", () => { take([...capture.files]); capture.value = ""; });
  shoot.addEventListener("click", async () => {
    if (!ready()) return;
    const file = await picture();
    dialog.close();
    if (file) take([file]);
  });
  turn.addEventListener("click", other);
  document.getElementById("camera-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
}

function open() {
  dialog.showModal();
  start();
}

async function start() {
  stop();
  const mine = opening;
  problem.hidden = true;
  try {
    const found = await navigator.mediaDevices.getUserMedia({
      video: {...wanted, width: {ideal: 1920}, height: {ideal: 1440}}, audio: false,
    });
    if (mine !== opening || !dialog.open) {
      found.getTracks().forEach(track => track.stop());
      return;
    }
    stream = found;
    video.srcObject = found;
    await video.play();
    shoot.setAttribute("aria-disabled", "false");
    const settings = found.getVideoTracks()[0].getSettings();
    // One sees oneself as in a mirror; the picture is as others see it.
    video.classList.toggle("mirrored", settings.facingMode === "user");
    turn.hidden = (await cameras()).length < 2;
  } catch (error) {
    if (mine !== opening) return;
    const kind = {NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "none", OverconstrainedError: "none"}[error.name];
    say(problem, `camera.${kind ?? "failed"}`);
    problem.hidden = false;
  }
}

function stop() {
  opening += 1;
  stream?.getTracks().forEach(track => track.stop());
  stream = video.srcObject = null;
  shoot.setAttribute("aria-disabled", "true");
}

// Not by `disabled`, which would throw the focus out.
function ready() {
  return shoot.getAttribute("aria-disabled") === "false";
}

async function cameras() {
  return (await navigator.mediaDevices.enumerateDevices()).filter(device => device.kind === "videoinput");
}

async function other() {
  const {facingMode: facing, deviceId: now} = stream?.getVideoTracks()[0].getSettings() ?? {};
  stop();
  if (facing) {
    wanted = {facingMode: {ideal: facing === "user" ? "environment" : "user"}};
  } else {
    const all = await cameras();
    const next = all[(all.findIndex(each => each.deviceId === now) + 1) % all.length];
    wanted = next ? {deviceId: {exact: next.deviceId}} : {};
  }
  if (dialog.open) start();
}

async function picture() {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise(resolve => canvas.toBlob(resolve, "image/jpeg", 0.92));
  number += 1;
  return blob && new File([blob], `camera-${number}.jpg`, {type: "image/jpeg"});
}
