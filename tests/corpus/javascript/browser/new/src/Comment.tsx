import { useEffect, useRef } from "react";

interface Props {
  html: string;
  text: string;
}

export function Comment({ html, text }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) {
      box.current.innerHTML = text;
    }
    window.parent.postMessage({ text }, "*");
  }, [text]);
  return (
    <article>
      <div ref={box} />
      <div dangerouslySetInnerHTML={{ __html: html }} />
      <p>{text}</p>
    </article>
  );
}
