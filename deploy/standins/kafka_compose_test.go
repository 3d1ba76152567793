//go:build compose

package main

import (
	"slices"
	"testing"
)

// hardened are the options with which a Compose file may run Kafka. A tmpfs has the mode of the folder in the image, but
// belongs to root. So the options name its user.
var hardened = []string{"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp",
	"--tmpfs", "/opt/kafka/config:uid=1000,gid=1000", "--tmpfs", "/opt/kafka/logs:uid=1000,gid=1000"}

const (
	apiVersions = `/opt/kafka/bin/kafka-broker-api-versions.sh --bootstrap-server `
	topics      = `/opt/kafka/bin/kafka-topics.sh --bootstrap-server `
)

func TestKafka(t *testing.T) {
	t.Parallel()
	flags := slices.Concat(hardened, []string{
		"--volume", volume(t) + ":/var/lib/kafka/data",
		"--env", "CLUSTER_ID=bW9uc3BsaXQtdGVzdHMtMQ",
		"--env", "KAFKA_NODE_ID=1",
		"--env", "KAFKA_PROCESS_ROLES=broker,controller",
		"--env", "KAFKA_LISTENERS=INSIDE://:19092,OUTSIDE://:9092,CONTROLLER://localhost:9093",
		"--env", "KAFKA_ADVERTISED_LISTENERS=INSIDE://localhost:19092,OUTSIDE://localhost:9092",
		"--env", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"--env", "KAFKA_INTER_BROKER_LISTENER_NAME=INSIDE",
		"--env", "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER",
		"--env", "KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9093",
		"--env", "KAFKA_LOG_DIRS=/var/lib/kafka/data",
		"--env", "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1",
		"--env", "KAFKA_NUM_PARTITIONS=3",
		"--env", "KAFKA_HEAP_OPTS=-Xms128m -Xmx384m",
	})
	c := start(t, kafkaImage, flags...)
	c.eventually(apiVersions + `localhost:9092`)
	c.sh(topics + `localhost:9092 --create --topic orders`)
	want(t, "the topics on the other listener", c.sh(topics+`localhost:19092 --describe --topic orders`), "PartitionCount: 3")
	c.sh(`echo hello | /opt/kafka/bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic orders`)
	want(t, "the record", c.sh(`/opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server localhost:19092 --topic orders `+
		`--group clerk --from-beginning --max-messages 1 --timeout-ms 60000`), "hello")
	want(t, "the group", c.sh(`/opt/kafka/bin/kafka-consumer-groups.sh --bootstrap-server localhost:9092 --list`), "clerk")
	want(t, "the offsets", c.sh(`/opt/kafka/bin/kafka-get-offsets.sh --bootstrap-server localhost:9092 --topic orders`), ":1")
	want(t, "process 1", c.sh(`tr '\0' ' ' < /proc/1/cmdline`), "-Xmx384m")
	want(t, "the user", c.sh(`id -u`), "1000")
	c.stop()

	again := start(t, kafkaImage, flags...)
	again.eventually(apiVersions + `localhost:9092`)
	want(t, "the offsets after a new start",
		again.sh(`/opt/kafka/bin/kafka-get-offsets.sh --bootstrap-server localhost:19092 --topic orders`), ":1")
	again.stop()
}

func TestKafkaByDefault(t *testing.T) {
	t.Parallel()
	c := start(t, kafkaImage)
	c.eventually(apiVersions + `localhost:9092`)
	want(t, "the cluster", c.sh(`cat /tmp/kraft-combined-logs/meta.properties`), "cluster.id=5L6g3nShT-eMCtK--X86sw")
	c.stop()
}

func TestOneVariableDropsKafkasDefaults(t *testing.T) {
	t.Parallel()
	want(t, "the log", start(t, kafkaImage, "--env", "KAFKA_NUM_PARTITIONS=3").fails(), "process.roles")
}
