// In place of a language model: text from a seed, with thoughts before the answer.

/** One token of the model. */
export type Token = { thought: string } | { text: string }

const THOUGHTS = [
  'The question asks for a story about {topic}, so it needs a place, a person and a turn.',
  'A slow beginning suits {topic}; the first line should be heard rather than read.',
  'One witness is enough, and the witness should want something small.',
  'The weather can carry the mood, as long as it changes before the end.',
  'No moral at the end: the last picture has to do the work.',
]
const SENTENCES = [
  'No one in {place} could say when {topic} had begun to {verb}.',
  '{Name} kept a notebook for it, and on every page stood the same {thing}.',
  'In the {season} the {thing} smelled of {smell}, and people spoke more quietly.',
  '“It will {verb} again,” said {Name}, “as soon as the wind turns.”',
  'So they waited by the {thing} until the lamps went out, one after the other.',
  'What came was only {smell} at first, and then a sound like a {thing} that is set down.',
  '{Name} counted to {number}, because that is how long {topic} takes to {verb}.',
  'The children of {place} had a game of it, with {number} stones and a {thing}.',
  'A painter had put {topic} on the wall of the station, larger than it was.',
  'There were {number} letters in the drawer, and each of them began in the {season}.',
  'That year {Name} left {place} with a {thing} under one arm, and did not look back.',
  'When the rain came, it sounded on the {thing} as if {topic} wanted to {verb}.',
  'An old map shows {place} without the harbour, but {topic} is already there.',
  '{Name} laughed about it later, in the {season}, over bread and {smell}.',
  'For {number} nights the lamp stood in the window, and no one asked for whom.',
]
const WORDS: Record<string, readonly string[]> = {
  place: [
    'the lower town',
    'Marrow Bay',
    'the quarter behind the station',
    'Saint Anselm',
    'the long valley',
  ],
  verb: ['sing', 'turn', 'answer', 'move', 'glow', 'wait'],
  Name: ['Ilse', 'Old Tomas', 'The ferryman', 'Mirjam', 'The clockmaker', 'Jorun'],
  thing: ['lantern', 'brass bell', 'wooden chair', 'compass', 'blue door', 'fiddle'],
  season: ['autumn', 'first frost', 'long summer', 'week after Easter'],
  smell: ['salt', 'cold tea', 'burnt sugar', 'tar', 'wet wool'],
  number: ['seven', 'eleven', 'thirty', 'a hundred', 'four'],
}
const PARAGRAPHS = 5
const SENTENCES_EACH = 9

/** The tokens of the answer; the same for the same question and seed. */
export function* tokensOf(question: string, seed: number): Generator<Token> {
  const random = randomOf(seed)
  const topic = /\babout ([^?.!]{3,60})/i.exec(question)?.[1]?.trim() ?? 'the sea'
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] as string
  const write = (sentence: string) =>
    sentence.replaceAll(/\{(\w+)\}/g, (_, slot: string) =>
      slot === 'topic' ? topic : pick(WORDS[slot] ?? []),
    )
  for (const thought of THOUGHTS) for (const piece of piecesOf(`${write(thought)} `)) yield { thought: piece }
  for (let paragraph = 0; paragraph < PARAGRAPHS; paragraph += 1) {
    const left = [...SENTENCES]
    for (let i = 0; i < SENTENCES_EACH; i += 1) {
      const [sentence = ''] = left.splice(Math.floor(random() * left.length), 1)
      const isLast = i === SENTENCES_EACH - 1
      const end = isLast ? (paragraph === PARAGRAPHS - 1 ? '' : '\n\n') : ' '
      for (const piece of piecesOf(write(sentence).replace(/^\p{Ll}/u, (first) => first.toUpperCase()) + end))
        yield { text: piece }
    }
  }
}

/** Words with the blank after them; long words in pieces, as tokens are. */
function piecesOf(text: string): string[] {
  return text.match(/\S{1,7}\s*/g) ?? []
}

/** Mulberry32: numbers from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
