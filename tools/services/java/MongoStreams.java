import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;
import org.h2.mvstore.MVStore;

/** Serves the protocol of MongoDB with change streams, from a file. Arguments: the port on the loopback, the file. */
public final class MongoStreams {
  /** The newest that the library says it is, is older than the clients of today accept. */
  private static final MongoVersion VERSION =
      new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
          return List.of(5, 0, 0, 0);
        }

        @Override
        public int getWireVersion() {
          return 13;
        }
      };

  public static void main(String[] arguments) throws InterruptedException {
    MVStore store = new MVStore.Builder().fileName(arguments[1]).autoCommitBufferSize(1).open();
    store.setAutoCommitDelay(5);
    H2Backend backend = new H2Backend(store);
    backend.version(VERSION);
    backend.enableOplog();
    MongoServer server = new MongoServer(backend);
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
    Thread.currentThread().join();
  }
}
