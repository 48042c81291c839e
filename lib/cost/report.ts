import { breakEven } from './break-even.ts';
import { type Bill, frontTcpBill, iotCoreBill, webSocketBill } from './model.ts';
import { PRICES_DATE } from './prices.ts';
import { tasksFor, type Usage } from './usage.ts';

const dollars = (amount: number): string =>
  amount >= 100 ? Math.round(amount).toLocaleString('en-US') : amount.toFixed(2);

const WIDTH = 44;

/** What `fronttcp cost` prints. */
export function costReport(usage: Usage): string {
  const ours = frontTcpBill(usage);
  const others = [webSocketBill, iotCoreBill];
  const { clients, commandsPerMinute, batch } = usage;
  const tasks = tasksFor(clients);
  return [
    `${clients.toLocaleString('en-US')} clients, ${commandsPerMinute} commands per minute each, ${batch} in a request, ${tasks} gateways`,
    `US dollars a month, us-east-1, list prices of ${PRICES_DATE}`,
    '',
    ...[ours, ...others.map((other) => other(usage))].flatMap((bill) => [...billLines(bill), '']),
    ...others.map((other) => comparison(usage, ours, other)),
    'WebSocket connections end after two hours and IoT Core speaks MQTT: neither carries a TCP protocol of your own.',
    '',
  ].join('\n');
}

function billLines(bill: Bill): string[] {
  const line = (name: string, amount: number): string => `  ${name.padEnd(WIDTH)}${dollars(amount).padStart(12)}`;
  return [bill.name, ...bill.items.map((item) => line(item.name, item.monthly)), line('Total', bill.total)];
}

function comparison(usage: Usage, ours: Bill, otherBill: (usage: Usage) => Bill): string {
  const other = otherBill(usage);
  const factor = other.total / ours.total;
  const here =
    factor >= 1
      ? `${other.name} costs ${factor.toFixed(1)} times as much`
      : `${other.name} costs ${Math.round((1 - factor) * 100)} % less`;
  const from = breakEven(usage, otherBill);
  const point =
    from === undefined
      ? 'it stays cheaper at any number of clients, with these commands'
      : `we are the cheaper one from ${from.toLocaleString('en-US')} clients on`;
  return `${here}, ${point}.`;
}
