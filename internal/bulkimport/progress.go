package bulkimport

// Phase is a part of an import.
type Phase int

// The phases of an import, in their order. Nothing is written before Writing.
const (
	Reading  Phase = iota // the first pass over the input; it finds the faults of single records
	Checking              // more passes, each of which looks at all records
	Writing
)

// Progress says how far an import has come.
type Progress struct {
	Phase Phase
	Pass  int // of Checking, counted from 1
	Done  int // the records that the present pass has read, or that are written; Reading counts those with faults too
	Total int // 0 in Reading: the number is not known yet
}
