import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.handler.ContextHandler;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBRequestHandler;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBServerHandler;

/** Amazon's own server listens on every interface and cannot be told otherwise. This one puts the same handler on a free port of loopback. */
public final class LoopbackServer {
    public static void main(String[] arguments) throws Exception {
        var requests = new LocalDynamoDBRequestHandler(0, true, null, true, false); // in memory, one database for all
        var server = new Server(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
        server.setHandler(new ContextHandler(new LocalDynamoDBServerHandler(requests, null)));
        server.start();
        System.out.println("listening on " + server.getURI().getPort());
        while (System.in.read() >= 0) { } // until the test process is gone
        System.exit(0);
    }
}
