// The page: `useChat` with `resume`, and a button that stops the answer on whichever Pod it is written.
import { useChat } from '@ai-sdk/react'
import { DefaultChatTransport, type UIMessage } from 'ai'
import { createRoot } from 'react-dom/client'

const transport = new DefaultChatTransport({
  prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, message: messages.at(-1) } }),
})

function Chat({ id, saved }: { id: string; saved: UIMessage[] }) {
  const { messages, sendMessage, status, error } = useChat({ id, messages: saved, resume: true, transport })
  const stop = () => fetch(`/api/chat/${id}/stop`, { method: 'POST' })
  return (
    <main>
      <ol>
        {messages.map(({ id, role, parts }) => (
          <li key={id} className={role}>
            {parts.map((part) => (part.type === 'text' ? part.text : '')).join('')}
          </li>
        ))}
      </ol>
      <p id="status">{error === undefined ? status : error.message}</p>
      <button type="button" id="ask" onClick={() => void sendMessage({ text: 'A question' })}>
        Ask
      </button>
      <button type="button" id="stop" onClick={stop}>
        Stop
      </button>
    </main>
  )
}

const id = new URL(location.href).searchParams.get('chat') ?? ''
const saved = await fetch(`/api/chat/${id}/messages`).then((response) => response.json())
createRoot(document.querySelector('#root') as HTMLElement).render(<Chat id={id} saved={saved} />)
