import { breakEven } from './break-even.ts';
import { type Bill, frontTcpBill, iotCoreBill, webSocketBill } from './model.ts';
import { PRICES_DATE } from './prices.ts';
import { holdingBill, stepsDown } from './steps.ts';
import { tasksFor, type Usage } from './usage.ts';

const dollars = (amount: number): string =>
  amount >= 100 ? Math.round(amount).toLocaleString('en-US') : amount.toFixed(2);

const WIDTH = 44;

/** The output of `fronttcp cost`. */
export function costReport(usage: Usage): string {
  const ours = frontTcpBill(usage);
  const others = [webSocketBill, iotCoreBill];
  const { clients, commandsPerMinute, batch, connectionsPerTask } = usage;
  const tasks = tasksFor(clients, connectionsPerTask);
  return [
    `${clients.toLocaleString('en-US')} clients, ${commandsPerMinute} commands per minute each, ${batch} in a request, ${tasks} gateways`,
    `US dollars a month, us-east-1, list prices of ${PRICES_DATE}`,
    '',
    ...[ours, ...others.map((other) => other(usage))].flatMap((bill) => [...billLines(bill), '']),
    ...others.map((other) => comparison(usage, ours, other)),
    '',
    ...stepLines(usage),
    '',
    'WebSocket connections end after two hours and IoT Core speaks MQTT: neither carries a TCP protocol of your own.',
    '',
  ].join('\n');
}

function billLines(bill: Bill): string[] {
  const line = (name: string, amount: number): string => `  ${name.padEnd(WIDTH)}${dollars(amount).padStart(12)}`;
  return [
    bill.name,
    ...bill.items.filter(({ monthly }) => monthly > 0).map((item) => line(item.name, item.monthly)),
    line('Total', bill.total),
  ];
}

const perClient = (amount: number): string => amount.toFixed(4);
const SETTING_WIDTH = 40;
const change = (saving: number): string => (saving >= 0 ? `saves ${dollars(saving)}` : `costs ${dollars(-saving)}`);

function stepLines(usage: Usage): string[] {
  const holding = holdingBill(usage).total / usage.clients;
  return [
    `To hold a connection costs ${perClient(holding)} dollars a month. Steps down, one after the other:`,
    ...stepsDown(usage).map(
      ({ name, setting, saving, perClient: each }) =>
        `  ${name.padEnd(26)}${setting.padEnd(SETTING_WIDTH)}${change(saving).padStart(12)}${perClient(each).padStart(10)}`,
    ),
  ];
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
