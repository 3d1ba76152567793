#!/bin/bash
# Runs one of Kafka's programs. The scripts of Kafka's distribution are links to this file. Its name selects the program.
set -euo pipefail

declare -A programs=(
  [kafka-broker-api-versions.sh]=org.apache.kafka.tools.BrokerApiVersionsCommand
  [kafka-configs.sh]=kafka.admin.ConfigCommand
  [kafka-console-consumer.sh]=org.apache.kafka.tools.consumer.ConsoleConsumer
  [kafka-console-producer.sh]=org.apache.kafka.tools.ConsoleProducer
  [kafka-consumer-groups.sh]=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
  [kafka-get-offsets.sh]=org.apache.kafka.tools.GetOffsetShell
  [kafka-metadata-quorum.sh]=org.apache.kafka.tools.MetadataQuorumCommand
  [kafka-server-start.sh]=kafka.Kafka
  [kafka-storage.sh]=kafka.tools.StorageTool
  [kafka-topics.sh]=org.apache.kafka.tools.TopicCommand
  [kafka-run-class.sh]= # its first argument names the class
)
if [[ ${1-} == --names ]]; then
  echo "${!programs[@]}"
  exit
fi

name=${0##*/}
home=$(cd "$(dirname "$0")/.." && pwd)
heap=-Xmx256m
speed='-XX:+UseSerialGC -XX:TieredStopAtLevel=1' # makes a tool start faster
logging=tools-log4j2.yaml
if [[ $name == kafka-server-start.sh ]]; then
  heap='-Xmx1G -Xms1G'
  speed='-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent'
  logging=log4j2.yaml
fi
class=${programs[$name]}
if [[ -z $class ]]; then
  class=${1:?name a class}
  shift
fi
# Each of these variables can hold several options, separated by spaces.
exec java ${KAFKA_HEAP_OPTS:-$heap} \
  ${KAFKA_JVM_PERFORMANCE_OPTS:-$speed} -Djava.awt.headless=true \
  ${KAFKA_GC_LOG_OPTS-} ${KAFKA_JMX_OPTS-} -Dkafka.logs.dir="${LOG_DIR:-$home/logs}" \
  ${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=$home/config/$logging} \
  -cp "$home/libs/*${CLASSPATH:+:$CLASSPATH}" ${KAFKA_OPTS-} "$class" "$@"
