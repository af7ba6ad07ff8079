# What Elixir does with a node of ours.
defmodule DistNode do
  def await(what) do
    receive do
      ^what -> :ok
    after
      5000 -> raise "nothing came like #{inspect(what)}"
    end
  end

  def crash(pid, reason) do
    ref = Process.monitor(pid)
    send(pid, {:crash, reason})
    await({:DOWN, ref, :process, pid, reason})
  end
end

[name] = System.argv()
node = String.to_atom(name)
true = Node.connect(node)
true = node in Node.list(:connected)
:pong = Node.ping(node)
before = GenServer.call({:counter, node}, :get)
^before = GenServer.call({:counter, node}, {:increment_by, 3}) - 3
GenServer.cast({:counter, node}, {:increment_by, 4})
true = GenServer.call({:counter, node}, :get) == before + 7
DistNode.crash(GenServer.call({:crasher, node}, :who), :from_elixir)
value = %{text: "grün", list: [1, 2.5], range: 1..3}
send({:echo, node}, {self(), value})
DistNode.await({:echo, value})
{:badrpc, {:EXIT, {:undef, _}}} = :rpc.call(node, :os, :cmd, [~c"ls"])
IO.puts("elixir: all is as it should be")
