# A registry of 50 000 unique keys: what it takes to register one, and to look one up.
#
# Processes register all keys and end, one after the other; the first round, in which the tables grow, does not
# count. The last process stays while keys are looked up in a mixed order.
defmodule BenchRegistry do
  @n 50_000

  def register_and_lookup(quick) do
    rounds = if quick, do: 4, else: 10
    {:ok, _} = Registry.start_link(keys: :unique, name: Bench.Registry)
    round()
    registered = Enum.sum(for _ <- 1..rounds, do: round()) / rounds
    register(0)
    lookup(@n, 0)
    lookups = 2 * rounds * @n
    found = Bench.per_op(lookups, fn -> lookup(lookups, 0) end)
    [{"registry_register", registered, "ns"}, {"registry_lookup", found, "ns"}]
  end

  # Nanoseconds a key.
  defp round() do
    task = Task.async(fn -> Bench.per_op(@n, fn -> register(0) end) end)
    each = Task.await(task, :infinity)
    until_empty()
    each
  end

  defp until_empty() do
    if Registry.count(Bench.Registry) > 0 do
      Process.sleep(1)
      until_empty()
    end
  end

  defp register(@n), do: :ok

  defp register(i) do
    {:ok, _} = Registry.register(Bench.Registry, i, i)
    register(i + 1)
  end

  # A step that has no factor in common with n visits all keys.
  defp lookup(0, _key), do: :ok

  defp lookup(left, key) do
    [{_, ^key}] = Registry.lookup(Bench.Registry, key)
    lookup(left - 1, rem(key + 7_773, @n))
  end
end
