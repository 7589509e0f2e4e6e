"""Apache Kafka as one process on loopback: broker and controller (KRaft) in one, from the jars of Maven's central place."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.servers.folders import RUN, cached
from deploy.servers.processes import ServerFault, answers, build, kept_port, running, start

NAME: Final = "kafka"
VERSION: Final = "4.4.0"
LOGGER_VERSION: Final = "1.7.36"
PREFERRED_PORT: Final = 9092
_FOLDER: Final = RUN / NAME
_API_VERSIONS: Final = bytes.fromhex("0000000a 0012 0000 00000001 ffff")
"""The question every client begins with: which versions of which requests the broker knows."""

_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lectern</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{LOGGER_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

_PROPERTIES: Final = """# Written by make servers.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
"""


def ensure_running() -> int:
    """Start Kafka unless it runs; its port."""
    port, controller = kept_port(NAME, PREFERRED_PORT), kept_port(f"{NAME}/controller", PREFERRED_PORT + 1)
    if running(NAME) is None:
        classpath = f"{_jars()}/*"
        properties = _FOLDER / "server.properties"
        properties.write_text(_PROPERTIES.format(port=port, controller=controller, folder=_FOLDER))
        if not (_FOLDER / "data" / "meta.properties").exists():
            _format(classpath, properties)
        logging = [f"-Dorg.slf4j.simpleLogger.{name}" for name in ("defaultLogLevel=warn", "showDateTime=true")]
        java = ["java", *logging, "-Xmx512m", "-Xms128m", "-XX:+UseG1GC", f"-Duser.dir={_FOLDER}", "-cp", classpath]
        start(NAME, [*java, "kafka.Kafka", str(properties)])
    return port


def is_ready() -> bool:
    """Whether the broker answers."""
    return answers(kept_port(NAME, PREFERRED_PORT), _API_VERSIONS)


def _jars() -> Path:
    if shutil.which("java") is None:
        raise ServerFault("Kafka needs Java 17 or later, and there is no java on the PATH")

    def make(folder: Path) -> None:
        pom = folder / "pom.xml"
        pom.write_text(_POM)
        copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
        build(f"downloading Kafka {VERSION}", ["mvn", "-B", "-f", str(pom), *copy], _FOLDER / "maven.log", folder)

    return cached(f"kafka-{VERSION}-slf4j-{LOGGER_VERSION}", make)


def _format(classpath: str, properties: Path) -> None:
    def tool(*arguments: str) -> str:
        command = ["java", "-cp", classpath, "kafka.tools.StorageTool", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the command is ours
        if done.returncode:
            raise ServerFault(f"Kafka's data folder can't be prepared: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    cluster = tool("random-uuid").split()[-1]
    tool("format", "-t", cluster, "-c", str(properties))
