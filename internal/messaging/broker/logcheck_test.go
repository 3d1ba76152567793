package broker //nolint:testpackage // a topic cannot be given back its old id

import "testing"

func TestHaltEndsOnlyForAReason(t *testing.T) {
	t.Parallel()
	id, other := TopicID{1}, TopicID{2}
	stored := Position{Offset: 10, LeaderEpoch: 3, TopicID: id}
	unknown := At(10)
	for name, tt := range map[string]struct {
		halt                 halt
		position             Position
		sameTopic, sameEpoch bool
		ends                 bool
	}{
		"a command set the offset":              {halt{code: HaltLogTruncated, position: stored}, Position{Offset: 0, LeaderEpoch: 3, TopicID: id}, false, false, true},
		"a command accepted the topic":          {halt{code: HaltTopicRecreated, position: stored}, Position{Offset: 10, LeaderEpoch: -1, TopicID: other}, true, false, true},
		"the topic has its id again":            {halt{code: HaltTopicRecreated, position: stored}, stored, true, true, true},
		"the topic's id is no longer told":      {halt{code: HaltTopicRecreated, position: stored}, stored, false, true, false},
		"the epoch is right again":              {halt{code: HaltLogTruncated, position: stored}, stored, true, true, true},
		"the offsets fit, the epoch is unknown": {halt{code: HaltLogTruncated, position: stored}, stored, true, false, false},
		"the offsets and epoch fit another log": {halt{code: HaltLogTruncated, position: unknown}, unknown, false, true, false},
		"an upgrade stored the topic's id":      {halt{code: HaltLogTruncated, position: unknown}, Position{Offset: 10, LeaderEpoch: -1, TopicID: id}, true, false, false},
		"the log's start is no longer after it": {halt{code: HaltRecordsDeleted, position: stored}, stored, true, true, true},
	} {
		check := logCheck{position: tt.position, sameTopic: tt.sameTopic, sameEpoch: tt.sameEpoch}
		if got := check.ends(tt.halt); got != tt.ends {
			t.Errorf("%s: ends %v, want %v", name, got, tt.ends)
		}
	}
}
