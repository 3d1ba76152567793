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

// member is this client's membership in a consumer group. It keeps its member id while Kafka is away. With a new id it
// would have to wait until the session of the old one has ended.
//
// It replaces the library's ConsumerGroup, which creates missing topics by its metadata requests, and forgets its member id
// on an error.
type member struct {
	client *Client
	cfg    GroupConfig

	coordinator string // its address; "" if it is unknown
	source      string // the address of the broker that told it
	id          string // "" before the first join
	generation  int32

	refused       bool       // the leader calls this member a stranger
	foreignLeader bool       // the leader is a stranger
	strangers     []Stranger // the leader, if it is one; or those that this member, as the leader, has refused
}

// group returns the group's name in Kafka.
func (m *member) group() string { return m.client.wireName(m.cfg.GroupID) }

// The protocol type and the only assignment strategy, by Kafka's names.
const (
	protocolType    = "consumer"
	rangeAssignment = "range"
)

// join joins the next generation and returns the partitions that are assigned to this member.
func (m *member) join(ctx context.Context, topics []string) ([]TopicPartition, error) {
	names := make([]string, len(topics))
	for i, topic := range topics {
		names[i] = m.client.wireName(topic)
	}
	subscription, err := protocol.Marshal(0, consumer.Subscription{Topics: names, UserData: m.instanceData()})
	if err != nil {
		return nil, fmt.Errorf("encode the subscription: %w", err)
	}
	wait, cancel := context.WithTimeout(ctx, m.cfg.RebalanceTimeout+m.cfg.SessionTimeout+m.client.cfg.RequestTimeout)
	defer cancel()
	for {
		answer, err := m.request(wait, &joingroup.Request{
			GroupID: m.group(), MemberID: m.id, ProtocolType: protocolType,
			SessionTimeoutMS:   int32(m.cfg.SessionTimeout.Milliseconds()),
			RebalanceTimeoutMS: int32(m.cfg.RebalanceTimeout.Milliseconds()),
			Protocols:          []joingroup.RequestProtocol{{Name: rangeAssignment, Metadata: subscription}},
		})
		if err != nil {
			return nil, fmt.Errorf("join group %s: %w", m.group(), err)
		}
		response := answer.(*joingroup.Response)
		switch code := kafka.Error(response.ErrorCode); {
		case code == kafka.MemberIDRequired && m.id == "" && response.MemberID != "": // so that a lost response leaves no member behind
			m.id = response.MemberID
		case code != 0:
			return nil, fmt.Errorf("join group %s: %w", m.group(), m.applyErrorCode(code))
		default:
			m.id, m.generation = response.MemberID, response.GenerationID
			return m.sync(wait, response)
		}
	}
}

// sync asks for this member's partitions. If Kafka has chosen this member as the leader, it also sends the assignment of
// all members.
func (m *member) sync(ctx context.Context, joined *joingroup.Response) ([]TopicPartition, error) {
	m.refused, m.foreignLeader, m.strangers = false, false, nil
	request := &syncgroup.Request{GroupID: m.group(), GenerationID: m.generation, MemberID: m.id}
	if joined.LeaderID == m.id {
		var err error
		if request.Assignments, err = m.assignAll(ctx, joined.Members); err != nil {
			return nil, fmt.Errorf("assign the partitions of group %s: %w", m.group(), err)
		}
	}
	answer, err := m.request(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("sync group %s: %w", m.group(), err)
	}
	response := answer.(*syncgroup.Response)
	if response.ErrorCode != 0 {
		return nil, fmt.Errorf("sync group %s: %w", m.group(), m.applyErrorCode(kafka.Error(response.ErrorCode)))
	}
	var assignment consumer.Assignment
	if len(response.Assignments) > 0 {
		if err := protocol.Unmarshal(response.Assignments, 0, &assignment); err != nil {
			return nil, fmt.Errorf("sync group %s: read the assignment: %w", m.group(), err)
		}
	}
	accepted, err := m.acceptAssignment(ctx, joined.LeaderID, assignment.UserData)
	if err != nil {
		return nil, fmt.Errorf("sync group %s: %w", m.group(), err)
	}
	if !accepted {
		return nil, nil
	}
	var mine []TopicPartition
	for _, t := range assignment.AssignedPartitions {
		for _, p := range t.Partitions {
			mine = append(mine, TopicPartition{m.client.bareName(t.Topic), int(p)})
		}
	}
	slices.SortFunc(mine, compareTopicPartitions)
	return mine, nil
}

// assignAll shares the partitions among the members, as this member's assignment strategy wants it.
func (m *member) assignAll(ctx context.Context, members []joingroup.ResponseMember) ([]syncgroup.RequestAssignment, error) {
	subscriptions, userData := make([]consumer.Subscription, len(members)), make([][]byte, len(members))
	for i, other := range members {
		if err := protocol.Unmarshal(other.Metadata, 0, &subscriptions[i]); err != nil {
			return nil, fmt.Errorf("read the subscription of member %s: %w", other.MemberID, err)
		}
		userData[i] = subscriptions[i].UserData
	}
	strangers, err := m.findStrangers(ctx, members, userData)
	if err != nil {
		return nil, err
	}
	refused := map[string]bool{}
	for _, s := range strangers {
		refused[s.MemberID] = true
	}
	subscribers := map[string][]string{} // topic → member ids
	for i, other := range members {
		if refused[other.MemberID] {
			continue
		}
		for _, topic := range subscriptions[i].Topics {
			subscribers[topic] = append(subscribers[topic], other.MemberID)
		}
	}
	counts, err := m.partitionCounts(ctx, subscribers)
	if err != nil {
		return nil, err
	}
	var out []syncgroup.RequestAssignment
	assignment := assignRanges(subscribers, counts)
	for _, other := range members {
		a := consumer.Assignment{UserData: m.instanceData()}
		if refused[other.MemberID] {
			a.UserData = []byte(refusal)
		}
		for _, topic := range slices.Sorted(maps.Keys(assignment[other.MemberID])) {
			a.AssignedPartitions = append(a.AssignedPartitions,
				consumer.TopicPartition{Topic: topic, Partitions: assignment[other.MemberID][topic]})
		}
		encoded, err := protocol.Marshal(0, a)
		if err != nil {
			return nil, fmt.Errorf("encode the assignment: %w", err)
		}
		out = append(out, syncgroup.RequestAssignment{MemberID: other.MemberID, Assignment: encoded})
	}
	m.strangers = strangers
	return out, nil
}

// partitionCounts returns the numbers of partitions of the topics that exist. The keys are names in Kafka.
func (m *member) partitionCounts(ctx context.Context, subscribers map[string][]string) (map[string]int, error) {
	counts := map[string]int{}
	for topic := range subscribers {
		n, err := m.client.Partitions(ctx, m.client.bareName(topic))
		if errors.Is(err, ErrUnknownTopic) {
			continue // its subscribers rejoin when it exists
		} else if err != nil {
			return nil, err
		}
		counts[topic] = n
	}
	return counts, nil
}

// assignRanges gives each topic's subscribers consecutive ranges of its partitions, as Kafka's range assignor does. So
// partitions with the same number, of several topics, go to the same member.
func assignRanges(subscribers map[string][]string, counts map[string]int) map[string]map[string][]int32 {
	assignment := map[string]map[string][]int32{}
	for topic, n := range counts {
		members := slices.Sorted(slices.Values(subscribers[topic]))
		for p := range n {
			id := members[p*len(members)/n]
			if assignment[id] == nil {
				assignment[id] = map[string][]int32{}
			}
			assignment[id][topic] = append(assignment[id][topic], int32(p))
		}
	}
	return assignment
}

// heartbeat keeps the membership alive. It returns an error if the generation has ended or the coordinator is away.
func (m *member) heartbeat(ctx context.Context) error {
	answer, err := m.request(ctx, &heartbeat.Request{GroupID: m.group(), GenerationID: m.generation, MemberID: m.id})
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	if code := kafka.Error(answer.(*heartbeat.Response).ErrorCode); code != 0 {
		return fmt.Errorf("heartbeat: %w", m.applyErrorCode(code))
	}
	return nil
}

// commit commits positions for lag tools. This client never reads them.
func (m *member) commit(ctx context.Context, positions map[TopicPartition]int64) error {
	request := &offsetcommit.Request{GroupID: m.group(), GenerationID: m.generation, MemberID: m.id, RetentionTimeMs: -1}
	for _, tp := range slices.SortedFunc(maps.Keys(positions), compareTopicPartitions) {
		if n := len(request.Topics); n == 0 || request.Topics[n-1].Name != m.client.wireName(tp.Topic) {
			request.Topics = append(request.Topics, offsetcommit.RequestTopic{Name: m.client.wireName(tp.Topic)})
		}
		t := &request.Topics[len(request.Topics)-1]
		t.Partitions = append(t.Partitions, offsetcommit.RequestPartition{PartitionIndex: int32(tp.Partition),
			CommittedOffset: positions[tp], CommittedLeaderEpoch: -1})
	}
	answer, err := m.request(ctx, request)
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

// leave leaves the group, so that others get the partitions at once, and not only after the session time-out.
func (m *member) leave(ctx context.Context) error {
	if m.id == "" {
		return nil
	}
	_, err := m.request(ctx, &leavegroup.Request{GroupID: m.group(),
		Members: []leavegroup.RequestMember{{MemberID: m.id}}})
	m.id = ""
	return err
}

// request sends a request to the group's coordinator. It looks the coordinator up if it is unknown.
func (m *member) request(ctx context.Context, request protocol.Message) (protocol.Message, error) {
	if _, ok := request.(*joingroup.Request); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, min(m.client.cfg.RequestTimeout, m.cfg.SessionTimeout/2))
		defer cancel()
	}
	if m.coordinator == "" {
		if err := m.findCoordinator(ctx); err != nil {
			return nil, err
		}
	}
	answer, err := m.client.conns.roundTrip(ctx, m.coordinator, request)
	if err != nil {
		m.forgetCoordinator()
	}
	return answer, err
}

func (m *member) findCoordinator(ctx context.Context) error {
	for {
		answer, source, err := m.client.askAnyBroker(ctx, &findcoordinator.Request{Key: m.group()})
		m.source = source
		if err != nil {
			return fmt.Errorf("find the coordinator: %w", err)
		}
		response := answer.(*findcoordinator.Response)
		switch code := kafka.Error(response.ErrorCode); code {
		case 0:
			m.coordinator = net.JoinHostPort(response.Host, strconv.Itoa(int(response.Port)))
			return nil
		case kafka.GroupLoadInProgress, kafka.GroupCoordinatorNotAvailable: // happens with the first group on a new broker
			m.forgetCoordinator()
			if err := sleep(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("find the coordinator: %w", errors.Join(code, err))
			}
		default:
			return fmt.Errorf("find the coordinator: %w", code)
		}
	}
}

// forgetCoordinator makes the next request ask for the coordinator, another broker than before.
func (m *member) forgetCoordinator() {
	m.coordinator = ""
	m.client.order.putLast(m.source)
}

// applyErrorCode forgets the member id or the coordinator if the error code says that it is wrong. It returns the code.
func (m *member) applyErrorCode(code kafka.Error) error {
	switch code {
	case kafka.UnknownMemberId, kafka.FencedInstanceID:
		m.id = ""
	case kafka.NotCoordinatorForGroup, kafka.GroupCoordinatorNotAvailable:
		m.forgetCoordinator()
	default:
	}
	return code
}

// generationEnded reports whether err means that the group rebalances. Then the member rejoins at once.
func generationEnded(err error) bool {
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
