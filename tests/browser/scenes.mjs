// What the cameras of the screenshots show: two drawn scenes, as films that Chromium plays.

import { writeFile } from "node:fs/promises";

const WIDTH = 640;
const HEIGHT = 480;
const FRAMES = 12;

/** Somebody in front of a door: coat, hair, a parcel, a street behind. */
const visitor = (move) => `
  <defs>
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#c9d9e6"/><stop offset="1" stop-color="#eef0e6"/></linearGradient>
    <linearGradient id="coat" x2="0" y2="1"><stop stop-color="#3f6f8f"/><stop offset="1" stop-color="#274a63"/></linearGradient>
  </defs>
  <rect width="640" height="480" fill="url(#sky)"/>
  <g fill="#a9b8a7"><rect x="0" y="170" width="120" height="220"/><rect x="500" y="130" width="140" height="260"/></g>
  <g fill="#8fa08d"><rect x="130" y="210" width="90" height="180"/><rect x="430" y="220" width="60" height="170"/></g>
  <g fill="#dfe7da"><rect x="22" y="195" width="24" height="34"/><rect x="66" y="195" width="24" height="34"/><rect x="530" y="160" width="28" height="40"/><rect x="584" y="160" width="28" height="40"/><rect x="530" y="230" width="28" height="40"/></g>
  <rect y="380" width="640" height="100" fill="#b7b3a6"/>
  <g transform="translate(${320 + move} 118) scale(.66)">
    <path d="M-150 640c0-280 60-336 150-336s150 56 150 336Z" fill="url(#coat)"/>
    <path d="M-34 290h68v44c-14 20-54 20-68 0Z" fill="#d9a583"/>
    <ellipse cx="0" cy="224" rx="70" ry="84" fill="#e8b896"/>
    <path d="M-78 226c-10-96 50-126 82-122 52-8 84 36 74 122-8-46-34-66-74-66-44 0-70 18-82 66Z" fill="#4a3327"/>
    <circle cx="-26" cy="226" r="7" fill="#2c2320"/><circle cx="26" cy="226" r="7" fill="#2c2320"/>
    <path d="M-24 266q24 ${20 + move / 3} 48 0" fill="none" stroke="#a4553f" stroke-width="6" stroke-linecap="round"/>
    <path d="M-46 330 0 372l46-42 18 20-64 70-64-70Z" fill="#f0d48a"/>
    <g transform="translate(62 372)"><rect width="112" height="84" rx="6" fill="#c59a63"/><path d="M46 0h20v84H46Z" fill="#e3c391"/></g>
  </g>`;

/** Somebody at home: a lamp, a shelf, a plant. */
const resident = (move) => `
  <rect width="640" height="480" fill="#efe2d0"/>
  <rect x="400" y="60" width="200" height="14" rx="4" fill="#a9805a"/><rect x="420" y="18" width="22" height="42" fill="#2f6f62"/><rect x="446" y="26" width="18" height="34" fill="#d07a52"/><rect x="468" y="14" width="26" height="46" fill="#48627e"/>
  <circle cx="96" cy="110" r="64" fill="#fff3cf"/><path d="M56 120h80l-16-56H72Z" fill="#e0a84f"/><rect x="93" y="120" width="6" height="260" fill="#7d6a55"/>
  <g transform="translate(${330 + move} 118) scale(.72)">
    <path d="M-160 640c0-288 64-340 160-340s160 52 160 340Z" fill="#8a4b5e"/>
    <path d="M-32 288h64v44c-14 18-50 18-64 0Z" fill="#b9805f"/>
    <ellipse cx="0" cy="222" rx="68" ry="82" fill="#c98f6c"/>
    <path d="M-84 300c-22-140 24-200 84-200s106 60 84 200c-12-40-10-104-30-124-40 14-80 10-108-8-20 28-18 92-30 132Z" fill="#1f1a1c"/>
    <circle cx="-25" cy="224" r="7" fill="#211a18"/><circle cx="25" cy="224" r="7" fill="#211a18"/>
    <path d="M-22 264q22 ${22 - move / 3} 44 0" fill="none" stroke="#8c4434" stroke-width="6" stroke-linecap="round"/>
  </g>`;

export const SCENES = { visitor, resident };

/** Films a scene: JPEG pictures, one after the other. */
export async function film(browser, scene, path) {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: HEIGHT } });
  const pictures = [];
  for (let frame = 0; frame < FRAMES; frame += 1) {
    const move = Math.round(6 * Math.sin((2 * Math.PI * frame) / FRAMES));
    await page.setContent(`<style>body{margin:0}</style><svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 640 480">${scene(move)}</svg>`);
    pictures.push(await page.screenshot({ type: "jpeg", quality: 90 }));
  }
  await page.close();
  await writeFile(path, Buffer.concat(pictures));
}
