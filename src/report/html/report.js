'use strict';

// Everything below only narrows down, opens and copies what the page already holds.
document.documentElement.classList.add('scripted');

(() => {
  const root = document.documentElement;
  const THEME = 'ssecheck-theme';
  const FILTERS = ['verdict', 'level', 'certification', 'operation', 'suite', 'family', 'rule', 'text'];

  const stored = () => {
    try { return localStorage.getItem(THEME); } catch { return null; }
  };
  const chosenTheme = stored();
  if (chosenTheme === 'dark' || chosenTheme === 'light') root.dataset.theme = chosenTheme;

  document.addEventListener('DOMContentLoaded', () => {
    const $ = (selector) => document.querySelector(selector);
    const $$ = (selector) => [...document.querySelectorAll(selector)];
    const list = $('#list');
    const form = $('#filters');
    const search = form.elements.text;
    const byDefault = Number(list.dataset.problems) > 0 ? 'problem' : 'all';
    const familyOf = new Map();
    for (const body of $$('.matrix tbody')) {
      const family = body.querySelector('.cell')?.dataset.family ?? '';
      for (const button of body.querySelectorAll('button.rule')) familyOf.set(button.dataset.rule, family);
    }
    const words = (text) => text.split(' ').filter(Boolean);
    const cases = $$('#list > .case').map((element) => {
      const { id, verdict, level, certification, suite, operations, rules } = element.dataset;
      return {
        element, id, verdict, level, certification, suite,
        isProblem: element.classList.contains('problem'),
        operations: words(operations),
        rules: words(rules),
        families: new Set(words(rules).map((rule) => familyOf.get(rule))),
        summary: element.querySelector('summary'),
        text: null,
      };
    });
    const caseOf = (id) => cases.find((it) => it.id === id);
    let state = {};
    let opened = '';

    // The state stands in the fragment of the address, so that what is shown can be linked.

    const read = () => {
      const told = new URLSearchParams(location.hash.slice(1));
      state = Object.fromEntries(FILTERS.map((name) => [name, told.get(name) ?? '']));
      state.verdict ||= byDefault;
      opened = told.get('case') ?? '';
      const wanted = caseOf(opened);
      if (wanted && !fits(wanted)) {
        state = Object.fromEntries(FILTERS.map((name) => [name, '']));
        state.verdict = wanted.isProblem ? byDefault : 'all';
      }
    };

    const write = (isStep) => {
      const told = new URLSearchParams();
      for (const name of FILTERS) {
        if (state[name] && !(name === 'verdict' && state.verdict === byDefault)) told.set(name, state[name]);
      }
      if (opened) told.set('case', opened);
      const fragment = told.toString();
      const address = fragment ? `#${fragment}` : location.pathname + location.search;
      try {
        if (isStep) history.pushState(null, '', address); else history.replaceState(null, '', address);
      } catch { /* too many changes in a short time, for some browsers */ }
    };

    // What is shown

    const fits = (it) => {
      const { verdict, level, certification, operation, suite, family, rule, text } = state;
      if (verdict === 'problem' ? !it.isProblem : verdict !== 'all' && verdict !== it.verdict) return false;
      if ((level && level !== it.level) || (suite && suite !== it.suite)) return false;
      if (certification && certification !== it.certification) return false;
      if ((operation && !it.operations.includes(operation)) || (rule && !it.rules.includes(rule))) return false;
      if (family && !it.families.has(family)) return false;
      if (!text) return true;
      it.text ??= [it.id, ...it.rules, it.element.textContent].join(' ').toLowerCase();
      return words(text.toLowerCase()).every((word) => it.text.includes(word));
    };

    const shown = () => cases.filter((it) => !it.element.hidden);

    const apply = () => {
      let count = 0;
      for (const it of cases) {
        const isShown = fits(it);
        it.element.hidden = !isShown;
        count += isShown;
      }
      $('#shown').textContent = `${count} of ${cases.length} cases`;
      $('#none').hidden = count > 0;
      for (const field of form.elements) {
        if (!field.name) continue;
        if (field.value !== state[field.name]) field.value = state[field.name];
        field.classList.toggle('set', field.name === 'verdict' ? state.verdict !== byDefault : state[field.name] !== '');
      }
      const press = (button, isPressed) => button.setAttribute('aria-pressed', String(isPressed));
      for (const button of $$('.count')) press(button, button.dataset.verdict === state.verdict);
      const none = !state.rule && !state.family && !state.operation;
      for (const button of $$('.matrix .cell')) {
        const { rule, family, operation } = button.dataset;
        press(button, !none && rule === state.rule && family === state.family && operation === state.operation);
      }
      for (const button of $$('.operation')) press(button, button.dataset.operation === state.operation);
      for (const button of $$('button.rule')) press(button, button.dataset.rule === state.rule);
      showRule();
    };

    const showRule = () => {
      const card = $('#chosen');
      const rule = state.rule && document.getElementById(`rule=${state.rule}`);
      const family = state.family && $$('.fold').find((fold) => fold.closest('tbody').querySelector('.cell')?.dataset.family === state.family);
      card.hidden = !rule && !family;
      card.replaceChildren();
      if (rule) {
        const copy = rule.cloneNode(true);
        copy.removeAttribute('id');
        card.append(copy);
      } else if (family) {
        card.append(`Rules of the family “${family.firstElementChild.nextSibling.textContent.trim()}”: ${family.title}`);
      }
    };

    const set = (change, isStep = true) => {
      Object.assign(state, change);
      apply();
      write(isStep);
    };

    const toCases = () => {
      $('#cases').focus({ preventScroll: true });
      $('#cases').scrollIntoView({ block: 'start' });
    };

    const show = (it) => {
      it.element.open = true;
      it.summary.focus({ preventScroll: true });
      it.summary.scrollIntoView({ block: 'start' });
    };

    const reread = () => {
      read();
      apply();
      const wanted = caseOf(opened);
      if (wanted) show(wanted);
      else if (state.rule || state.operation || state.family || state.text || state.verdict !== byDefault) toCases();
    };

    // Clicks

    for (const button of $$('.count')) {
      button.addEventListener('click', () => {
        const isPressed = button.getAttribute('aria-pressed') === 'true';
        set({ verdict: isPressed ? byDefault : button.dataset.verdict });
        toCases();
      });
    }
    $('.matrix')?.addEventListener('click', (event) => {
      const button = event.target.closest('button');
      if (!button || button.classList.contains('fold')) return;
      const { rule = '', family = '', operation = '' } = button.dataset;
      const isPressed = button.getAttribute('aria-pressed') === 'true';
      if (isPressed) set({ rule: '', family: '', operation: '', verdict: byDefault });
      else set({ rule, family, operation, verdict: 'all' });
      if (!isPressed) toCases();
    });

    const folds = $$('.fold');
    const fold = (button, isFolded) => {
      button.closest('tbody').classList.toggle('folded', isFolded);
      button.setAttribute('aria-expanded', String(!isFolded));
    };
    const all = $('#fold');
    const tellFolded = () => {
      const isFolded = folds.some((button) => button.getAttribute('aria-expanded') === 'false');
      all.textContent = isFolded ? 'Unfold all families' : 'Fold all families';
      all.setAttribute('aria-expanded', String(!isFolded));
    };
    for (const button of folds) {
      fold(button, button.closest('tbody').classList.contains('folded'));
      button.addEventListener('click', () => {
        fold(button, button.getAttribute('aria-expanded') === 'true');
        tellFolded();
      });
    }
    if (all) {
      tellFolded();
      all.addEventListener('click', () => {
        const isFolded = all.getAttribute('aria-expanded') === 'true';
        for (const button of folds) fold(button, isFolded);
        tellFolded();
      });
    }

    list.addEventListener('click', (event) => {
      const summary = event.target.closest('.case > summary');
      if (summary) {
        // The browser opens or closes it only after this.
        const { open, dataset } = summary.parentElement;
        if (!open) opened = dataset.id;
        else if (opened === dataset.id) opened = '';
        write(false);
      }
      const copy = event.target.closest('.copy');
      if (copy) copyText(copy, copy.closest('.script').querySelector('pre'));
    });

    const copyText = async (button, source) => {
      let isCopied = true;
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        const selection = getSelection();
        selection.selectAllChildren(source);
        isCopied = document.execCommand('copy');
        if (isCopied) selection.removeAllRanges();
      }
      button.textContent = isCopied ? 'Copied' : 'Selected: copy it by hand';
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    };

    // Filters

    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('change', (event) => {
      if (event.target !== search) set({ [event.target.name]: event.target.value, ...(event.target.name === 'rule' && { family: '' }) });
    });
    let typed;
    search.addEventListener('input', () => {
      clearTimeout(typed);
      state.text = search.value;
      apply();
      typed = setTimeout(() => write(false), 150);
    });
    form.addEventListener('reset', (event) => {
      event.preventDefault();
      opened = '';
      set({ ...Object.fromEntries(FILTERS.map((name) => [name, ''])), verdict: 'all' });
    });

    // Keys

    const step = (by) => {
      const all = shown();
      if (all.length === 0) return;
      const here = document.activeElement?.closest('.case');
      const at = all.findIndex((it) => it.element === here);
      const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
      all[next].summary.focus({ preventScroll: true });
      all[next].summary.scrollIntoView({ block: 'nearest' });
    };
    document.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const target = event.target;
      const isTyping = target.matches?.('input, select, textarea');
      if (event.key === 'Escape') {
        if (target === search) {
          if (search.value) set({ text: '' }, false); else search.blur();
        } else {
          const it = cases.find(({ element }) => element === target.closest?.('.case'));
          if (it?.element.open) {
            it.element.open = false;
            if (opened === it.id) opened = '';
            it.summary.focus();
            write(false);
          }
        }
        return;
      }
      if (isTyping) {
        if (target === search && event.key === 'Enter') step(1);
        return;
      }
      const isOnCase = target.matches?.('.case > summary');
      if (event.key === '/') {
        event.preventDefault();
        search.focus();
        search.select();
      } else if (event.key === 'j' || (isOnCase && event.key === 'ArrowDown')) {
        event.preventDefault();
        step(1);
      } else if (event.key === 'k' || (isOnCase && event.key === 'ArrowUp')) {
        event.preventDefault();
        step(-1);
      }
    });

    // Light and dark

    const theme = $('#theme');
    const isDark = () => (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
    const tellTheme = () => theme.setAttribute('aria-pressed', String(isDark()));
    theme.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark';
      try { localStorage.setItem(THEME, root.dataset.theme); } catch { /* it holds for this page */ }
      tellTheme();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tellTheme);
    tellTheme();

    // Printing: what did not pass is opened.

    let forPrint = [];
    const open = () => {
      for (const { element } of cases.filter((it) => it.isProblem && !it.element.open)) {
        element.open = true;
        forPrint.push(element);
      }
    };
    const close = () => {
      for (const element of forPrint) element.open = false;
      forPrint = [];
    };
    addEventListener('beforeprint', open);
    addEventListener('afterprint', close);
    matchMedia('print').addEventListener('change', ({ matches }) => (matches ? open() : close()));

    // Not before the browser has gone where the fragment points: it takes the focus away from what has it.
    addEventListener('hashchange', reread);
    addEventListener('load', () => setTimeout(() => {
      const wanted = caseOf(opened);
      if (wanted) show(wanted);
    }));
    reread();
  });
})();
