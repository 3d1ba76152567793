package wakeup

// Idle reports whether the loop of Run has taken everything that told of a change.
func (w *Waiters) Idle() bool { return len(w.kicked) == 0 && len(w.notified) == 0 }
