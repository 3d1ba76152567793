package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/consumer"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"
	"github.com/segmentio/kafka-go/protocol/heartbeat"
	"github.com/segmentio/kafka-go/protocol/joingroup"
	"github.com/segmentio/kafka-go/protocol/leavegroup"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/syncgroup"
)

// member takes part in a consumer group. It keeps its id over a time in which Kafka is away, so that its return does
// not have to wait for a ghost's session to end.
//
// The library's ConsumerGroup is not used: it creates missing topics by asking for them, and forgets its id.
type member struct {
	client *Client
	cfg    GroupConfig

	coordinator string // its address; "" when it is to be looked up
	id          string // "" before the first join
	generation  int32
}

// The one assignment strategy, by the name that other clients know it under.
const (
	protocolType    = "consumer"
	rangeAssignment = "range"
)

// join takes part in the next generation and returns the partitions of it that are this member's.
func (m *member) join(ctx context.Context, topics []string) ([]TopicPartition, error) {
	subscription, err := protocol.Marshal(0, consumer.Subscription{Topics: topics})
	if err != nil {
		return nil, fmt.Errorf("encode the subscription: %w", err)
	}
	wait, cancel := context.WithTimeout(ctx, m.cfg.RebalanceTimeout+m.cfg.SessionTimeout+m.client.cfg.RequestTimeout)
	defer cancel()
	for {
		answer, err := m.ask(wait, &joingroup.Request{
			GroupID: m.cfg.GroupID, MemberID: m.id, ProtocolType: protocolType,
			SessionTimeoutMS:   int32(m.cfg.SessionTimeout.Milliseconds()),
			RebalanceTimeoutMS: int32(m.cfg.RebalanceTimeout.Milliseconds()),
			Protocols:          []joingroup.RequestProtocol{{Name: rangeAssignment, Metadata: subscription}},
		})
		if err != nil {
			return nil, fmt.Errorf("join group %s: %w", m.cfg.GroupID, err)
		}
		response := answer.(*joingroup.Response)
		switch code := kafka.Error(response.ErrorCode); {
		case code == kafka.MemberIDRequired: // the broker gives an id first, so that a lost answer leaves no ghost
			m.id = response.MemberID
		case code != 0:
			return nil, fmt.Errorf("join group %s: %w", m.cfg.GroupID, m.note(code))
		default:
			m.id, m.generation = response.MemberID, response.GenerationID
			return m.sync(wait, response)
		}
	}
}

// sync tells the others' share, where this member was chosen to decide it, and asks for its own.
func (m *member) sync(ctx context.Context, joined *joingroup.Response) ([]TopicPartition, error) {
	request := &syncgroup.Request{GroupID: m.cfg.GroupID, GenerationID: m.generation, MemberID: m.id}
	if joined.LeaderID == m.id {
		var err error
		if request.Assignments, err = m.assign(ctx, joined.Members); err != nil {
			return nil, fmt.Errorf("share out the partitions of group %s: %w", m.cfg.GroupID, err)
		}
	}
	answer, err := m.ask(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("sync group %s: %w", m.cfg.GroupID, err)
	}
	response := answer.(*syncgroup.Response)
	if response.ErrorCode != 0 {
		return nil, fmt.Errorf("sync group %s: %w", m.cfg.GroupID, m.note(kafka.Error(response.ErrorCode)))
	}
	var assignment consumer.Assignment
	if len(response.Assignments) > 0 {
		if err := protocol.Unmarshal(response.Assignments, 0, &assignment); err != nil {
			return nil, fmt.Errorf("sync group %s: read the assignment: %w", m.cfg.GroupID, err)
		}
	}
	var mine []TopicPartition
	for _, t := range assignment.AssignedPartitions {
		for _, p := range t.Partitions {
			mine = append(mine, TopicPartition{t.Topic, int(p)})
		}
	}
	slices.SortFunc(mine, compareTopicPartitions)
	return mine, nil
}

func (m *member) assign(ctx context.Context, members []joingroup.ResponseMember) ([]syncgroup.RequestAssignment, error) {
	wanted := map[string][]string{} // topic to members
	for _, other := range members {
		var s consumer.Subscription
		if err := protocol.Unmarshal(other.Metadata, 0, &s); err != nil {
			return nil, fmt.Errorf("read the subscription of member %s: %w", other.MemberID, err)
		}
		for _, topic := range s.Topics {
			wanted[topic] = append(wanted[topic], other.MemberID)
		}
	}
	counts := map[string]int{}
	for topic := range wanted {
		n, err := m.client.Partitions(ctx, topic)
		if errors.Is(err, ErrUnknownTopic) {
			continue // who wants it looks for it and joins again when it is there
		} else if err != nil {
			return nil, err
		}
		counts[topic] = n
	}
	var out []syncgroup.RequestAssignment
	shares := shareOut(wanted, counts)
	for _, other := range members {
		var a consumer.Assignment
		for _, topic := range slices.Sorted(maps.Keys(shares[other.MemberID])) {
			a.AssignedPartitions = append(a.AssignedPartitions,
				consumer.TopicPartition{Topic: topic, Partitions: shares[other.MemberID][topic]})
		}
		encoded, err := protocol.Marshal(0, a)
		if err != nil {
			return nil, fmt.Errorf("encode the assignment: %w", err)
		}
		out = append(out, syncgroup.RequestAssignment{MemberID: other.MemberID, Assignment: encoded})
	}
	return out, nil
}

// shareOut gives each topic's partitions in consecutive ranges to the members that want it, as Kafka's range assignor:
// the same number of every topic goes to the same member, so that what belongs together meets in one process.
func shareOut(wanted map[string][]string, counts map[string]int) map[string]map[string][]int32 {
	shares := map[string]map[string][]int32{}
	for topic, n := range counts {
		members := slices.Sorted(slices.Values(wanted[topic]))
		for p := range n {
			id := members[p*len(members)/n]
			if shares[id] == nil {
				shares[id] = map[string][]int32{}
			}
			shares[id][topic] = append(shares[id][topic], int32(p))
		}
	}
	return shares
}

// heartbeat says that the member lives, and returns an error when the generation is over or the coordinator away.
func (m *member) heartbeat(ctx context.Context) error {
	answer, err := m.ask(ctx, &heartbeat.Request{GroupID: m.cfg.GroupID, GenerationID: m.generation, MemberID: m.id})
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	if code := kafka.Error(answer.(*heartbeat.Response).ErrorCode); code != 0 {
		return fmt.Errorf("heartbeat: %w", m.note(code))
	}
	return nil
}

// commit writes down positions where lag tools look for them. Nothing here reads them again.
func (m *member) commit(ctx context.Context, positions map[TopicPartition]int64) error {
	request := &offsetcommit.Request{GroupID: m.cfg.GroupID, GenerationID: m.generation, MemberID: m.id, RetentionTimeMs: -1}
	for _, tp := range slices.SortedFunc(maps.Keys(positions), compareTopicPartitions) {
		if n := len(request.Topics); n == 0 || request.Topics[n-1].Name != tp.Topic {
			request.Topics = append(request.Topics, offsetcommit.RequestTopic{Name: tp.Topic})
		}
		t := &request.Topics[len(request.Topics)-1]
		t.Partitions = append(t.Partitions, offsetcommit.RequestPartition{PartitionIndex: int32(tp.Partition),
			CommittedOffset: positions[tp], CommittedLeaderEpoch: -1})
	}
	answer, err := m.ask(ctx, request)
	if err != nil {
		return fmt.Errorf("commit positions: %w", err)
	}
	for _, t := range answer.(*offsetcommit.Response).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return fmt.Errorf("commit the position of %s-%d: %w", t.Name, p.PartitionIndex, kafka.Error(p.ErrorCode))
			}
		}
	}
	return nil
}

// leave hands the member's partitions over at once, instead of after its session's end.
func (m *member) leave(ctx context.Context) error {
	if m.id == "" {
		return nil
	}
	_, err := m.ask(ctx, &leavegroup.Request{GroupID: m.cfg.GroupID,
		Members: []leavegroup.RequestMember{{MemberID: m.id}}})
	m.id = ""
	return err
}

// ask sends a request to the group's coordinator, looking it up first where it is not known.
func (m *member) ask(ctx context.Context, request protocol.Message) (protocol.Message, error) {
	if m.coordinator == "" {
		if err := m.findCoordinator(ctx); err != nil {
			return nil, err
		}
	}
	if _, ok := request.(*joingroup.Request); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, min(m.client.cfg.RequestTimeout, m.cfg.SessionTimeout/2))
		defer cancel()
	}
	answer, err := m.client.conns.roundTrip(ctx, m.coordinator, request)
	if err != nil {
		m.coordinator = ""
	}
	return answer, err
}

func (m *member) findCoordinator(ctx context.Context) error {
	for {
		answer, err := m.client.any(ctx, &findcoordinator.Request{Key: m.cfg.GroupID})
		if err != nil {
			return fmt.Errorf("look for the coordinator: %w", err)
		}
		response := answer.(*findcoordinator.Response)
		switch code := kafka.Error(response.ErrorCode); code {
		case 0:
			m.coordinator = net.JoinHostPort(response.Host, strconv.Itoa(int(response.Port)))
			return nil
		case kafka.GroupLoadInProgress, kafka.GroupCoordinatorNotAvailable: // the first group on a new broker
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("look for the coordinator: %w", errors.Join(code, err))
			}
		default:
			return fmt.Errorf("look for the coordinator: %w", code)
		}
	}
}

// note takes from an error code what the next request has to do differently.
func (m *member) note(code kafka.Error) error {
	switch code {
	case kafka.UnknownMemberId, kafka.FencedInstanceID:
		m.id = ""
	case kafka.NotCoordinatorForGroup, kafka.GroupCoordinatorNotAvailable:
		m.coordinator = ""
	default:
	}
	return code
}

// generationOver says that a request failed because the group is being shared out anew: join again at once.
func generationOver(err error) bool {
	return errors.Is(err, kafka.RebalanceInProgress) || errors.Is(err, kafka.IllegalGeneration) ||
		errors.Is(err, kafka.UnknownMemberId)
}

func compareTopicPartitions(a, b TopicPartition) int {
	if a.Topic != b.Topic {
		if a.Topic < b.Topic {
			return -1
		}
		return 1
	}
	return a.Partition - b.Partition
}
