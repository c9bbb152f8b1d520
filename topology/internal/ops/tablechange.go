package ops

// A table of which somebody asks for changes has to know what a row was before an update: it reads
// that from the store, once for all updates of a key until they are forwarded.

// change stores a value, nil for none, where changes are asked for.
func (t *Table[K, V]) change(key, value []byte, r *Record[K, V]) error {
	if !t.emit.AtCommit() {
		return t.changeAtOnce(key, value, r)
	}
	if t.update(key) != nil {
		t.note(t.put(key, value, r.Timestamp), r)
		return nil
	}
	from := len(t.olds)
	olds, _, was, err := t.cache.Read(t.olds, key)
	if err != nil {
		return err
	}
	t.olds = olds
	u := t.note(t.put(key, value, r.Timestamp), r)
	u.was, u.from, u.to = was, from, len(olds)
	return nil
}

// changeAtOnce stores a value and forwards the change.
func (t *Table[K, V]) changeAtOnce(key, value []byte, r *Record[K, V]) error {
	b, _, was, err := t.cache.Read(t.olds[:0], key)
	if err != nil {
		return err
	}
	t.olds = b
	old, err := t.cache.Row(b, was)
	if err != nil {
		return err
	}
	t.put(key, value, r.Timestamp)
	out := &t.emit.Out
	*out = *r
	out.RawKey, out.RawValue = key, value
	return t.emit.Change(old.Opt)
}

// changed forwards the change of an update, whose new side is in the emitter.
func (t *Table[K, V]) changed(u *tableUpdate) error {
	old, err := t.cache.Row(t.olds[u.from:u.to], u.was)
	if err != nil {
		return err
	}
	return t.emit.Change(old.Opt)
}

// update returns the update of a key that is to be forwarded at the commit; nil if there is none.
func (t *Table[K, V]) update(key []byte) *tableUpdate {
	number, ok := t.cache.Store.Number(key)
	if !ok || number >= len(t.updates) || !t.updates[number].pending {
		return nil
	}
	return &t.updates[number]
}

// Before implements cache.Holder.
func (t *Table[K, V]) Before(key []byte) (b []byte, found, held bool) {
	u := t.update(key)
	if u == nil {
		return nil, false, false
	}
	return t.olds[u.from:u.to], u.was, true
}

// keepOlds is how many bytes for old values a table keeps from one commit to the next.
const keepOlds = 1 << 20

// letGo forgets old values, when all of their updates have been forwarded.
func (t *Table[K, V]) letGo() {
	if t.olds = t.olds[:0]; cap(t.olds) > keepOlds {
		t.olds = nil
	}
}
