import type { APIGatewayProxyEventV2 } from 'aws-lambda';

const ADDRESS = /^[0-9a-fA-F.:]{2,45}$/;

/**
 * The client's address. Behind CloudFront API Gateway sees an edge: the viewer's address is then in the header that
 * VIEWER_ADDRESS_HEADER names. Whoever sets it must overwrite what the client sent, and nobody may reach the API past it.
 */
export function clientAddressOf(event: APIGatewayProxyEventV2, header = process.env.VIEWER_ADDRESS_HEADER): string {
  const viewer = header ? event.headers[header] : undefined;
  return viewer !== undefined && ADDRESS.test(viewer) ? viewer : event.requestContext.http.sourceIp;
}
