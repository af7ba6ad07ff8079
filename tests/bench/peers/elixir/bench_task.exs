# Tasks: one started and waited for after the other.
defmodule BenchTask do
  def await(quick) do
    n = if quick, do: 100_000, else: 500_000
    rounds(1000)
    [{"task_await", Bench.per_op(n, fn -> rounds(n) end), "ns"}]
  end

  defp rounds(0), do: :ok

  defp rounds(n) do
    expected = n + 1
    ^expected = Task.await(Task.async(fn -> n + 1 end))
    rounds(n - 1)
  end
end
