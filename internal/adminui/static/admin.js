// What the admin pages do in addition when scripts run: keys in lists, a count of the selected rows, and a search in pickers
// that needs no new page. Everything works without it.
'use strict'

const typing = target => target.closest('input, select, textarea, [contenteditable]') && target.type !== 'checkbox'

// lists: the keys.
const search = document.getElementById('q')
const links = [...document.querySelectorAll('.list tbody th a')]
const keys = document.querySelector('.keys')
if (keys) keys.hidden = false

// Speech input can press letters by accident, so a person can turn them off (WCAG 2.2, 2.1.4). The browser remembers that.
let letters = localStorage.getItem('letter-keys') !== 'off'
const keySwitch = keys && keys.querySelector('button')
if (keySwitch) {
  const tell = () => { keySwitch.textContent = letters ? 'Turn letter keys off' : 'Turn letter keys on' }
  keySwitch.addEventListener('click', () => {
    letters = !letters
    localStorage.setItem('letter-keys', letters ? 'on' : 'off')
    tell()
  })
  tell()
}

document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
  const move = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (letters && event.key === '/' && search) {
    search.focus()
    search.select()
  } else if (letters && event.key === 'n' && document.getElementById('new')) {
    document.getElementById('new').click()
  } else if (move && links.length) {
    const row = event.target.closest('tr')
    const at = links.findIndex(link => link.closest('tr') === row)
    links[at < 0 ? (move > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + move, 0), links.length - 1)].focus()
  } else {
    return
  }
  event.preventDefault()
})

// lists: the selection.
const rows = document.getElementById('rows')
if (rows) {
  const boxes = [...rows.querySelectorAll('input[name=pick]')]
  const every = document.createElement('input')
  every.type = 'checkbox'
  every.ariaLabel = 'Select all on this page'
  document.getElementById('pick-all').append(every)
  const tell = () => {
    const n = boxes.filter(box => box.checked).length
    every.checked = n === boxes.length
    every.indeterminate = n > 0 && n < boxes.length
    document.getElementById('picked').textContent = n ? `${n} selected` : ''
  }
  every.addEventListener('change', () => {
    for (const box of boxes) box.checked = every.checked
    tell()
  })
  rows.addEventListener('change', event => { if (event.target !== every) tell() })
  tell() // the browser may have kept the boxes of the last visit
}

// forms: pickers.
for (const picker of document.querySelectorAll('.picker')) {
  const input = picker.querySelector('input[type=search]')
  const choices = picker.querySelector('.choices')
  const status = picker.querySelector('[role=status]')
  const path = input.form.action.replace(/\/[^/]*$/, '/new/find/') + picker.dataset.field
  let waiting, latest = 0
  const find = async () => {
    const mine = ++latest
    const answer = await fetch(path + '?q=' + encodeURIComponent(input.value), { redirect: 'error' }).catch(() => null)
    if (mine !== latest || !answer || !answer.ok) return
    const text = await answer.text()
    if (mine !== latest) return
    const chosen = choices.querySelector('input:checked')
    const kept = chosen && chosen.closest('label')
    const found = new DOMParser().parseFromString(text, 'text/html').body
    if (kept) for (const same of found.querySelectorAll('input')) if (same.value === chosen.value) same.closest('label').remove()
    choices.replaceChildren(...(kept ? [kept] : []), ...found.childNodes)
    const n = choices.querySelectorAll('input').length
    status.textContent = n === 1 ? '1 choice' : `${n} choices`
  }
  input.addEventListener('input', () => {
    clearTimeout(waiting)
    waiting = setTimeout(find, 150)
  })
  input.addEventListener('keydown', event => {
    if (event.key !== 'Enter') return
    event.preventDefault()
    clearTimeout(waiting)
    find()
  })
}

// forms: bring the first fault into view.
const wrong = document.querySelector('[aria-invalid=true]')
if (wrong) (wrong.matches('fieldset') ? wrong.querySelector('input') : wrong).focus()

// journeys: parts of a page that the server keeps up to date. Without scripts, a person loads the page again.
for (const part of document.querySelectorAll('[data-stream]')) {
  const live = document.querySelector('[data-live]')
  const source = new EventSource(part.dataset.stream)
  source.addEventListener('open', () => { if (live) live.hidden = false })
  source.addEventListener('error', () => { if (live) live.hidden = true })
  source.addEventListener('end', () => source.close())
  source.addEventListener('news', event => {
    const found = new DOMParser().parseFromString(event.data, 'text/html').body
    if (found.innerHTML !== part.innerHTML) part.replaceChildren(...found.childNodes)
  })
  window.addEventListener('pagehide', () => source.close())
}
