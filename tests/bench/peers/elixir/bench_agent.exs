# Agents: one get after the other.
defmodule BenchAgent do
  def get(quick) do
    n = if quick, do: 300_000, else: 1_000_000
    {:ok, agent} = Agent.start_link(fn -> 42 end)
    gets(10_000, agent)
    [{"agent_get", Bench.per_op(n, fn -> gets(n, agent) end), "ns"}]
  end

  defp gets(0, _agent), do: :ok

  defp gets(n, agent) do
    42 = Agent.get(agent, fn value -> value end)
    gets(n - 1, agent)
  end
end
