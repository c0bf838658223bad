"use strict";

const packed = (id) => document.getElementById(id).textContent;

const bytes = (id) => Uint8Array.from(atob(packed(id)), (letter) => letter.charCodeAt(0));

async function unpack(id) {
  const stream = new Blob([bytes(id)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

function download(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
